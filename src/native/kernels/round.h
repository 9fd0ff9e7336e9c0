#pragma once

namespace lathe {

/// Round half to even for |x| < 2²²: adding 1.5 · 2²³ leaves no bits for a fraction. Unlike std::nearbyint it vectorises
/// on every processor. Needs strict float arithmetic (no -ffast-math).
inline float round_even(float x) {
  constexpr float kMagic = 12582912.0f;
  return (x + kMagic) - kMagic;
}

}  // namespace lathe

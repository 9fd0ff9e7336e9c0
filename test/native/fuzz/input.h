#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "kernels/workers.h"

namespace lathe::fuzz {

/// The bytes that libFuzzer gives, taken from the front; where there are no more, zeros follow.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  /// Bytes that have not been taken.
  size_t left() const { return left_; }

  void fill(void* target, size_t size) {
    const size_t taken = std::min(size, left_);
    if (taken > 0) std::memcpy(target, data_, taken);
    if (size > taken) std::memset(static_cast<uint8_t*>(target) + taken, 0, size - taken);
    data_ += taken;
    left_ -= taken;
  }

  template <typename T>
  T take() {
    T value;
    fill(&value, sizeof(T));
    return value;
  }

  /// A whole number from `least` to `most`; they are at most 65,536 apart.
  int64_t between(int64_t least, int64_t most) { return least + take<uint16_t>() % (most - least + 1); }

 private:
  const uint8_t* data_;
  size_t left_;
};

/// Exactly so many values, so that the sanitizer sees a step beyond them. `misaligned`: their address is odd.
template <typename T>
class Exact {
 public:
  explicit Exact(int64_t count, bool misaligned = false)
      : bytes_(new uint8_t[static_cast<size_t>(count) * sizeof(T) + misaligned]), count_(count), skip_(misaligned) {}

  Exact(int64_t count, Input& input, bool misaligned = false) : Exact(count, misaligned) { input.fill(data(), size()); }

  T* data() { return reinterpret_cast<T*>(bytes_.get() + skip_); }
  size_t size() const { return static_cast<size_t>(count_) * sizeof(T); }
  int64_t count() const { return count_; }
  bool operator==(Exact& other) { return size() == other.size() && std::memcmp(data(), other.data(), size()) == 0; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  int64_t count_;
  bool skip_;
};

/// Ends the run where a kernel breaks what it promises.
inline void promise(bool kept) {
  if (!kept) __builtin_trap();
}

/// Threads would only make runs differ.
inline Workers& alone() {
  static Workers workers(1);
  return workers;
}

}  // namespace lathe::fuzz

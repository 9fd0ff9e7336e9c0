#include "error_sum.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <iterator>
#include <vector>

namespace lathe {
namespace {

constexpr int64_t kPiece = int64_t{1} << 16;

// Sums side by side: one alone would wait for each of its additions. Their number is fixed, so the result is the same on
// every processor.
constexpr int64_t kLanes = 16;

/// Calls body(i, lane) for every i in [begin, end): a compiler makes vectors of the inner loop, whose length it knows.
template <class Body>
inline void in_lanes(int64_t begin, int64_t end, Body body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) body(i + lane, lane);
  for (; i < end; ++i) body(i, 0);
}

ErrorSum piece_sum(const float* original, const float* restored, int64_t begin, int64_t end) {
  double error[kLanes] = {}, norm[kLanes] = {};
  in_lanes(begin, end, [&](int64_t i, int64_t lane) {
    const double a = original[i], difference = a - restored[i];
    error[lane] += difference * difference;
    norm[lane] += a * a;
  });
  ErrorSum sum;
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    sum.error += error[lane];
    sum.norm += norm[lane];
  }
  return sum;
}

bool piece_is_finite(const float* values, int64_t begin, int64_t end) {
  // An exponent of all ones is NaN or infinite; or-ing the tests keeps the loop free of branches.
  uint32_t found[kLanes] = {};
  in_lanes(begin, end, [&](int64_t i, int64_t lane) {
    found[lane] |= (std::bit_cast<uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  });
  return std::none_of(std::begin(found), std::end(found), [](uint32_t lane) { return lane != 0; });
}

}  // namespace

ErrorSum error_sum(int64_t count, const float* original, const float* restored, Workers& workers) {
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  std::vector<ErrorSum> sums(static_cast<size_t>(pieces));
  workers.each(pieces, [&](int64_t piece) {
    sums[static_cast<size_t>(piece)] =
        piece_sum(original, restored, piece * kPiece, std::min(count, (piece + 1) * kPiece));
  });
  ErrorSum total;
  for (const ErrorSum& sum : sums) {
    total.error += sum.error;
    total.norm += sum.norm;
  }
  return total;
}

bool all_finite(int64_t count, const float* values, Workers& workers) {
  std::atomic<bool> finite{true};
  workers.each((count + kPiece - 1) / kPiece, [&](int64_t piece) {
    if (!piece_is_finite(values, piece * kPiece, std::min(count, (piece + 1) * kPiece))) finite = false;
  });
  return finite;
}

}  // namespace lathe

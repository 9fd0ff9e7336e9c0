#include "error_sum.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <vector>

namespace lathe {
namespace {

constexpr int64_t kPiece = int64_t{1} << 16;

}  // namespace

ErrorSum error_sum(int64_t count, const float* original, const float* restored, Workers& workers) {
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  std::vector<ErrorSum> sums(static_cast<size_t>(pieces));
  workers.each(pieces, [&](int64_t piece) {
    ErrorSum sum;
    const int64_t end = std::min(count, (piece + 1) * kPiece);
    for (int64_t i = piece * kPiece; i < end; ++i) {
      const double a = original[i], difference = a - restored[i];
      sum.error += difference * difference;
      sum.norm += a * a;
    }
    sums[static_cast<size_t>(piece)] = sum;
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
    // An exponent of all ones is NaN or infinite; or-ing the tests keeps the loop free of branches.
    uint32_t found = 0;
    const int64_t end = std::min(count, (piece + 1) * kPiece);
    for (int64_t i = piece * kPiece; i < end; ++i)
      found |= (std::bit_cast<uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    if (found != 0) finite = false;
  });
  return finite;
}

}  // namespace lathe

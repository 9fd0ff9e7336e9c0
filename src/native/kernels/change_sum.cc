#include "change_sum.h"

#include <algorithm>
#include <vector>

namespace lathe {
namespace {

constexpr int64_t kPiece = int64_t{1} << 16;

// Sums side by side, as in error_sum.cc: their number is fixed, so the result is the same on every processor.
constexpr int64_t kLanes = 8;

ChangeSum& operator+=(ChangeSum& sum, const ChangeSum& other) {
  sum.error += other.error;
  sum.norm += other.norm;
  sum.change += other.change;
  sum.base += other.base;
  sum.overlap += other.overlap;
  return sum;
}

ChangeSum piece_sum(const float* base, const float* expected, const float* actual, int64_t count) {
  double error[kLanes] = {}, norm[kLanes] = {}, change[kLanes] = {}, own[kLanes] = {}, overlap[kLanes] = {};
  const auto add = [&](int64_t i, int64_t lane) {
    const double b = base[i], e = expected[i], a = actual[i];
    error[lane] += (a - e) * (a - e);
    norm[lane] += e * e;
    change[lane] += (e - b) * (e - b);
    own[lane] += b * b;
    overlap[lane] += (a - b) * (e - b);
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) add(i + lane, lane);
  for (; i < count; ++i) add(i, 0);
  ChangeSum sum;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    sum += ChangeSum{error[lane], norm[lane], change[lane], own[lane], overlap[lane]};
  return sum;
}

}  // namespace

ChangeSum change_sum(int64_t count, const float* base, const float* expected, const float* actual, Workers& workers) {
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  std::vector<ChangeSum> sums(static_cast<size_t>(pieces));
  workers.each(pieces, [&](int64_t piece) {
    const int64_t begin = piece * kPiece;
    sums[static_cast<size_t>(piece)] =
        piece_sum(base + begin, expected + begin, actual + begin, std::min(kPiece, count - begin));
  });
  ChangeSum total;
  for (const ChangeSum& sum : sums) total += sum;
  return total;
}

}  // namespace lathe

#include "attention.h"

#include <algorithm>
#include <cmath>

#include "gemm.h"
#include "row_kernels.h"

namespace lathe {
namespace {

/// Queries of one head whose scores are made together: with their keys they stay in a core's cache.
constexpr int64_t kTile = 64;
/// Keys whose gradients one thread makes where there are fewer heads than threads.
constexpr int64_t kKeys = 256;
/// Products that go back for queries and keys together, and apart from each other: S and dP are made twice.
constexpr int64_t kTogether = 5, kApart = 7;

/// Callers share the work out: a gemm starts no threads of its own.
Workers& alone() {
  static Workers one(1);
  return one;
}

float* scratch(int64_t count, int which) {
  thread_local std::vector<float> memory[3];
  if (memory[which].size() < static_cast<size_t>(count)) memory[which].resize(static_cast<size_t>(count));
  return memory[which].data();
}

/// Part of a sample's work, by tokens of the whole row.
struct Unit {
  Stretch stretch;
  int64_t head;          // of queries; of keys where `keys` is not empty
  int64_t first, count;  // queries, or keys
  bool of_keys;
};

/// A tile's queries [first, end) and the keys [key, key_end) that any of them sees.
struct Tile {
  int64_t first, end, key, key_end;
  int64_t rows() const { return end - first; }
  int64_t keys() const { return key_end - key; }
};

Tile tile_of(const Attention& a, const Stretch& stretch, int64_t first, int64_t from, int64_t to) {
  const int64_t end = std::min(first + kTile, stretch.first + stretch.count);
  const int64_t seen = a.window == 0 ? stretch.first : std::max(stretch.first, first - a.window + 1);
  return {first, end, std::max(seen, from), std::min(end, to)};
}

MatrixView rows_of(const float* data, int64_t token, int64_t head, int64_t heads, int64_t length) {
  return row_major(data + (token * heads + head) * length, heads * length);
}

/// Scores of a tile, capped; of capped ones `tangents` has the tanh.
void score(const Attention& a, const Attention::Inputs& in, const Tile& t, int64_t head, float* scores,
           float* tangents) {
  const int64_t shared = head / (a.heads / a.kv_heads), keys = t.keys();
  const float factor = a.cap == 0 ? a.scale : a.scale / a.cap;
  gemm(t.rows(), keys, a.key, factor, rows_of(in.q, t.first, head, a.heads, a.key),
       transposed(rows_of(in.k, t.key, shared, a.kv_heads, a.key)), scores, keys, alone(), false);
  if (a.cap == 0) return;
  for (int64_t i = 0; i < t.rows() * keys; ++i) {
    tangents[i] = std::tanh(scores[i]);
    scores[i] = a.cap * tangents[i];
  }
}

/// Where in a tile's row of scores the keys begin and end that its query sees.
struct Seen {
  int64_t begin, end;
};

Seen seen_by(const Attention& a, const Tile& t, int64_t row) {
  const int64_t query = t.first + row;
  const int64_t first = a.window == 0 ? t.key : std::max(t.key, query - a.window + 1);
  const int64_t end = std::min(t.key_end, query + 1);
  return {std::min(first, std::max(end, t.key)) - t.key, std::max(end, t.key) - t.key};
}

void forward_tile(const Attention& a, const Attention::Inputs& in, const Unit& unit, float* out, float* sums) {
  const RowKernels& kernels = row_kernels();
  const Tile t = tile_of(a, unit.stretch, unit.first, unit.stretch.first, unit.stretch.first + unit.stretch.count);
  const int64_t keys = t.keys();
  float* p = scratch(t.rows() * keys, 0);
  score(a, in, t, unit.head, p, a.cap == 0 ? nullptr : scratch(t.rows() * keys, 1));
  for (int64_t row = 0; row < t.rows(); ++row) {
    float* line = p + row * keys;
    const Seen seen = seen_by(a, t, row);
    const int64_t count = seen.end - seen.begin;
    const float most = kernels.maximum(count, line + seen.begin);
    const float sum = kernels.exponentials(count, most, line + seen.begin);
    std::fill(line, line + seen.begin, 0.0f);
    std::fill(line + seen.end, line + keys, 0.0f);
    const float share = 1 / sum;
    for (int64_t i = seen.begin; i < seen.end; ++i) line[i] *= share;
    sums[(t.first + row) * a.heads + unit.head] = most + std::log(sum);
  }
  const int64_t shared = unit.head / (a.heads / a.kv_heads);
  gemm(t.rows(), a.value, keys, 1, row_major(p, keys), rows_of(in.v, t.key, shared, a.kv_heads, a.value),
       out + (t.first * a.heads + unit.head) * a.value, a.heads * a.value, alone(), false);
}

struct Back {
  const Attention& a;
  const Attention::Inputs& in;
  const Attention::Results& found;
  const float* d;
  const Attention::Gradients& gradients;

  /// The gradients of a tile's queries of one head, and what it adds to those of its keys and values.
  void tile(const Tile& t, int64_t head, bool of_queries, bool of_keys) const {
    if (t.keys() <= 0) return;
    const RowKernels& kernels = row_kernels();
    const int64_t keys = t.keys(), shared = head / (a.heads / a.kv_heads);
    float *p = scratch(t.rows() * keys, 0), *tangents = a.cap == 0 ? nullptr : scratch(t.rows() * keys, 1);
    float* ds = scratch(t.rows() * keys, 2);
    score(a, in, t, head, p, tangents);
    const MatrixView outward = rows_of(d, t.first, head, a.heads, a.value);
    gemm(t.rows(), keys, a.value, 1, outward, transposed(rows_of(in.v, t.key, shared, a.kv_heads, a.value)), ds, keys,
         alone(), false);
    for (int64_t row = 0; row < t.rows(); ++row) {
      float *line = p + row * keys, *change = ds + row * keys;
      const int64_t at = (t.first + row) * a.heads + head;
      const Seen seen = seen_by(a, t, row);
      kernels.exponentials(seen.end - seen.begin, found.sums[at], line + seen.begin);
      // Σ p · dp over the keys, which is Σ d · out.
      const float along = kernels.dot(a.value, d + at * a.value, found.out + at * a.value);
      for (int64_t i = seen.begin; i < seen.end; ++i) change[i] = (change[i] - along) * line[i];
      if (tangents != nullptr) {
        const float* tangent = tangents + row * keys;
        for (int64_t i = seen.begin; i < seen.end; ++i) change[i] *= 1 - tangent[i] * tangent[i];
      }
      for (float* each : {line, change}) {
        std::fill(each, each + seen.begin, 0.0f);
        std::fill(each + seen.end, each + keys, 0.0f);
      }
    }
    if (of_queries)
      gemm(t.rows(), a.key, keys, a.scale, row_major(ds, keys), rows_of(in.k, t.key, shared, a.kv_heads, a.key),
           gradients.q + (t.first * a.heads + head) * a.key, a.heads * a.key, alone(), false);
    if (!of_keys) return;
    gemm(keys, a.value, t.rows(), 1, transposed(row_major(p, keys)), outward,
         gradients.v + (t.key * a.kv_heads + shared) * a.value, a.kv_heads * a.value, alone());
    gemm(keys, a.key, t.rows(), a.scale, transposed(row_major(ds, keys)), rows_of(in.q, t.first, head, a.heads, a.key),
         gradients.k + (t.key * a.kv_heads + shared) * a.key, a.kv_heads * a.key, alone());
  }

  /// Keys and values of one head of keys, with the queries of all heads that share it.
  void keys(const Unit& unit, bool of_queries) const {
    for (int64_t token = unit.first; token < unit.first + unit.count; ++token) {
      std::fill_n(gradients.k + (token * a.kv_heads + unit.head) * a.key, a.key, 0.0f);
      std::fill_n(gradients.v + (token * a.kv_heads + unit.head) * a.value, a.value, 0.0f);
    }
    // Tiles begin where they begin for all keys, so that sums run in one order.
    const Stretch& stretch = unit.stretch;
    const int64_t group = a.heads / a.kv_heads;
    for (int64_t first = stretch.first + (unit.first - stretch.first) / kTile * kTile;
         first < stretch.first + stretch.count; first += kTile)
      for (int64_t head = unit.head * group; head < (unit.head + 1) * group; ++head)
        tile(tile_of(a, stretch, first, unit.first, unit.first + unit.count), head, of_queries, true);
  }

  void run(const Unit& unit, bool together) const {
    if (unit.of_keys) return keys(unit, together);
    tile(tile_of(a, unit.stretch, unit.first, unit.stretch.first, unit.stretch.first + unit.stretch.count), unit.head,
         true, false);
  }
};

/// Pairs of queries and keys, or a measure of them: the longest work goes first, and is dealt out in turns.
int64_t work_of(const Unit& unit) {
  const int64_t before = unit.first - unit.stretch.first, after = unit.stretch.count - before;
  return unit.of_keys ? unit.count * (2 * after - unit.count) * kApart
                      : unit.count * (2 * before + unit.count) * kTogether;
}

template <class Run>
void deal(std::vector<Unit>& units, int64_t part, int64_t parts, Run run) {
  std::stable_sort(units.begin(), units.end(), [](const Unit& x, const Unit& y) { return work_of(x) > work_of(y); });
  for (size_t i = static_cast<size_t>(part); i < units.size(); i += static_cast<size_t>(parts)) run(units[i]);
}

std::vector<Unit> units_of(const std::vector<Stretch>& stretches, int64_t heads, int64_t step, bool of_keys) {
  std::vector<Unit> units;
  for (const Stretch& stretch : stretches)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t first = 0; first < stretch.count; first += step)
        units.push_back({stretch, head, stretch.first + first, std::min(step, stretch.count - first), of_keys});
  return units;
}

}  // namespace

void Attention::forward(const Inputs& in, float* out, float* sums, int64_t part, int64_t parts) const {
  std::vector<Unit> units = units_of(stretches, heads, kTile, false);
  deal(units, part, parts, [&](const Unit& unit) { forward_tile(*this, in, unit, out, sums); });
}

void Attention::backward(const Inputs& in, const Results& found, const float* d, const Gradients& gradients,
                         int64_t part, int64_t parts) const {
  const Back back{*this, in, found, d, gradients};
  std::vector<Unit> units = units_of(stretches, kv_heads, INT64_MAX / 2, true);
  const auto count = static_cast<int64_t>(units.size());
  // Fewer heads than threads leave some idle; then queries go apart from keys, in smaller pieces.
  const bool together = count * kApart >= (count + parts - 1) / parts * parts * kTogether;
  if (!together) {
    units = units_of(stretches, kv_heads, kKeys, true);
    for (const Unit& unit : units_of(stretches, heads, kTile, false)) units.push_back(unit);
  }
  deal(units, part, parts, [&](const Unit& unit) { back.run(unit, together); });
}

}  // namespace lathe

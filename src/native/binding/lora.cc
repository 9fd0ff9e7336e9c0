#include "kernels/lora.h"

#include <cstring>
#include <memory>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "kernels/change_sum.h"
#include "kernels/gemm.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostExtent = int64_t{1} << 24;  // of a matrix: ten times the widest that there is
constexpr int64_t kMostSmall = 4096;               // of a matrix whose decomposition takes the third power of it

int threads_of(const Arguments& arguments, size_t index) {
  return static_cast<int>(arguments.whole(index, "threads", 1, kMostThreads));
}

Napi::Value nothing(Napi::Env env) { return env.Undefined(); }

int64_t elements_of(const Arguments& arguments, int64_t rows, int64_t columns) {
  const int64_t count = checked_product(rows, columns);
  if (count < 0) arguments.fail("shape", "is too large");
  return count;
}

/// matmul(m, n, k, alpha, a, aIsTurned, b, bIsTurned, c, accumulates, threads, cancelFlag): c[m × n] = alpha · a · b,
/// or that added to it; a turned `a` is stored as [k × m], a turned `b` as [n × k]
Napi::Value multiply(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t m = arguments.whole(0, "m", 1, kMostExtent), n = arguments.whole(1, "n", 1, kMostExtent);
  const int64_t k = arguments.whole(2, "k", 1, kMostExtent);
  const auto alpha = static_cast<float>(arguments.number(3, "alpha"));
  const Span<float> a = arguments.floats(4, "a", elements_of(arguments, m, k));
  const bool a_is_turned = arguments.boolean(5, "aIsTurned");
  const Span<float> b = arguments.floats(6, "b", elements_of(arguments, k, n));
  const bool b_is_turned = arguments.boolean(7, "bIsTurned");
  const Span<float> c = arguments.floats(8, "c", elements_of(arguments, m, n));
  const bool accumulates = arguments.boolean(9, "accumulates");
  const int threads = threads_of(arguments, 10);
  const Job::Options job{{info[4], info[6], info[8]}, arguments.cancel_flag(11), {}};
  return Job::start(info.Env(), job, [=](JobControl& control) {
    control.stop_if_cancelled();
    Workers workers(threads);
    if (!accumulates) std::memset(c.data, 0, static_cast<size_t>(c.count) * sizeof(float));
    const MatrixView left = a_is_turned ? transposed(row_major(a.data, m)) : row_major(a.data, k);
    const MatrixView right = b_is_turned ? transposed(row_major(b.data, k)) : row_major(b.data, n);
    gemm(m, n, k, alpha, left, right, c.data, n, workers);
    return nothing;
  });
}

/// applyDora(rows, values, base, delta, magnitude, lengths | undefined, share, threads)
Napi::Value dora(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(0, "rows", 1, kMostExtent);
  const Span<float> values = arguments.floats(1, "values");
  const int64_t columns = values.count / rows;
  if (columns < 1 || columns * rows != values.count) arguments.fail("values", "is no whole number of rows");
  const Span<float> base = arguments.floats(2, "base", values.count),
                    delta = arguments.floats(3, "delta", values.count);
  const bool is_by_column = !info[5].IsUndefined();
  const Span<float> magnitude = arguments.floats(4, "magnitude", is_by_column ? columns : rows);
  const Span<float> lengths = is_by_column ? arguments.floats(5, "lengths", columns) : Span<float>{nullptr, 0};
  const auto share = static_cast<float>(arguments.number(6, "share"));
  const int threads = threads_of(arguments, 7);
  std::vector<Napi::Value> inputs{info[1], info[2], info[3], info[4]};
  if (is_by_column) inputs.push_back(info[5]);
  return Job::start(info.Env(), {inputs, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    apply_dora(rows, columns, values.data, base.data, delta.data, magnitude.data, lengths.data, share, workers);
    return nothing;
  });
}

/// addColumnSquares(rows, base, delta, sums F64 as bytes, threads)
Napi::Value column_squares(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(0, "rows", 1, kMostExtent);
  const Span<float> base = arguments.floats(1, "base");
  const int64_t columns = base.count / rows;
  if (columns < 1 || columns * rows != base.count) arguments.fail("base", "is no whole number of rows");
  const Span<float> delta = arguments.floats(2, "delta", base.count);
  const Bytes sums = arguments.bytes(3, "sums", columns * static_cast<int64_t>(sizeof(double)));
  const int threads = threads_of(arguments, 4);
  return Job::start(info.Env(), {{info[1], info[2], info[3]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    std::vector<double> own(static_cast<size_t>(columns));
    std::memcpy(own.data(), sums.data, own.size() * sizeof(double));
    add_column_squares(rows, columns, base.data, delta.data, own.data(), workers);
    std::memcpy(sums.data, own.data(), own.size() * sizeof(double));
    return nothing;
  });
}

/// changeSums(base, expected, actual, threads) → { error, norm, change, base, overlap }
Napi::Value sums_of_change(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> base = arguments.floats(0, "base");
  const Span<float> expected = arguments.floats(1, "expected", base.count);
  const Span<float> actual = arguments.floats(2, "actual", base.count);
  const int threads = threads_of(arguments, 3);
  return Job::start(info.Env(), {{info[0], info[1], info[2]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    const ChangeSum sum = change_sum(base.count, base.data, expected.data, actual.data, workers);
    return [sum](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("error", sum.error);
      result.Set("norm", sum.norm);
      result.Set("change", sum.change);
      result.Set("base", sum.base);
      result.Set("overlap", sum.overlap);
      return result;
    };
  });
}

/// orthonormalizeRows(count, y, threads, cancelFlag)
Napi::Value orthonormalize(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t count = arguments.whole(0, "count", 1, kMostSmall);
  const Span<float> y = arguments.floats(1, "y");
  const int64_t length = y.count / count;
  if (length < 1 || length * count != y.count) arguments.fail("y", "is no whole number of rows");
  const int threads = threads_of(arguments, 2);
  return Job::start(info.Env(), {{info[1]}, arguments.cancel_flag(3), {}}, [=](JobControl& control) {
    Workers workers(threads);
    orthonormalize_rows(count, length, y.data, workers, &control.cancelled());
    return nothing;
  });
}

/// smallSvd(n, a, u, s, v, cancelFlag)
Napi::Value decompose(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t n = arguments.whole(0, "n", 1, kMostSmall);
  const Span<float> a = arguments.floats(1, "a", n * n), u = arguments.floats(2, "u", n * n);
  const Span<float> s = arguments.floats(3, "s", n), v = arguments.floats(4, "v", n * n);
  return Job::start(info.Env(), {{info[1], info[2], info[3], info[4]}, arguments.cancel_flag(5), {}},
                    [=](JobControl& control) {
                      const SmallSvd result = small_svd(n, a.data, &control.cancelled());
                      std::memcpy(u.data, result.u.data(), result.u.size() * sizeof(float));
                      std::memcpy(s.data, result.s.data(), result.s.size() * sizeof(float));
                      std::memcpy(v.data, result.v.data(), result.v.size() * sizeof(float));
                      return nothing;
                    });
}

}  // namespace

void add_lora_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("matmul", Napi::Function::New(env, multiply));
  exports.Set("applyDora", Napi::Function::New(env, dora));
  exports.Set("addColumnSquares", Napi::Function::New(env, column_squares));
  exports.Set("changeSums", Napi::Function::New(env, sums_of_change));
  exports.Set("orthonormalizeRows", Napi::Function::New(env, orthonormalize));
  exports.Set("smallSvd", Napi::Function::New(env, decompose));
}

}  // namespace lathe

// The kernels of layout, sums and small matrices, on numbers of any bits and at the edges of their loops.
#include "input.h"
#include "kernels/attention.h"
#include "kernels/change_sum.h"
#include "kernels/cholesky.h"
#include "kernels/error_sum.h"
#include "kernels/gemm.h"
#include "kernels/layout.h"
#include "kernels/lora.h"
#include "kernels/row_kernels.h"

using namespace lathe;
using fuzz::Exact;

namespace {

void layout(fuzz::Input& input) {
  const int64_t heads = input.between(1, 4), rows = heads * 2 * input.between(1, 5), row_bytes = input.between(1, 40);
  Exact<uint8_t> source(rows * row_bytes, input), target(rows * row_bytes);
  permute_rows(source.data(), target.data(), rows, row_bytes, heads);
  const int64_t element = int64_t{1} << input.between(0, 3), columns = input.between(1, 40);
  Exact<uint8_t> matrix(rows * columns * element, input), turned(matrix.count()), again(matrix.count());
  transpose(matrix.data(), turned.data(), rows, columns, element);
  transpose(turned.data(), again.data(), columns, rows, element);
  fuzz::promise(again == matrix);
  Exact<uint8_t> values(4 * columns, input, true);
  add_one(values.data(), columns);
}

void sums(fuzz::Input& input) {
  const int64_t count = input.between(0, 200);
  Exact<float> a(count, input), b(count, input), c(count, input);
  change_sum(count, a.data(), b.data(), c.data(), fuzz::alone());
  error_sum(count, a.data(), b.data(), fuzz::alone());
  const RowKernels& kernels = row_kernels();
  kernels.largest(count, a.data());
  kernels.dot(count, a.data(), b.data());
  if (count > 0) kernels.exponentials(count, kernels.maximum(count, a.data()), a.data());
}

void matrices(fuzz::Input& input) {
  const int64_t m = input.between(1, 20), n = input.between(1, 20), k = input.between(1, 20);
  Exact<float> a(m * k, input), b(k * n, input), c(m * n, input);
  gemm(m, n, k, 1.0f, row_major(a.data(), k), row_major(b.data(), n), c.data(), n, fuzz::alone(),
       input.between(0, 1) == 0);
  Exact<float> h(n * n, input);
  inverse_cholesky_upper(n, h.data(), fuzz::alone(), nullptr);
  Exact<float> magnitude(m, input), delta(m * n, input);
  apply_dora(m, n, c.data(), c.data(), delta.data(), magnitude.data(), nullptr, 1.0f, fuzz::alone());
  Exact<double> squares(n);
  std::fill_n(squares.data(), n, 0.0);
  add_column_squares(m, n, c.data(), delta.data(), squares.data(), fuzz::alone());
}

/// Decompositions promise nothing of what is not finite but that they end.
void decompositions(fuzz::Input& input) {
  const int64_t n = input.between(1, 8), length = n + input.between(0, 8);
  Exact<float> y(n * length, input), square(n * n, input);
  orthonormalize_rows(n, length, y.data(), fuzz::alone(), nullptr);
  small_svd(n, square.data(), nullptr);
}

void attention(fuzz::Input& input) {
  Attention shape{};
  shape.kv_heads = input.between(1, 2);
  shape.heads = shape.kv_heads * input.between(1, 2);
  shape.key = 2 * input.between(1, 12);
  shape.value = 2 * input.between(1, 12);
  shape.scale = 0.5f;
  shape.cap = input.between(0, 1) == 0 ? 0.0f : 30.0f;
  shape.window = input.between(0, 20);
  int64_t tokens = 0;
  for (int64_t samples = input.between(1, 3); samples > 0; --samples) {
    const int64_t count = input.between(1, 40);
    shape.stretches.push_back({tokens, count});
    tokens += count;
  }
  Exact<float> q(tokens * shape.heads * shape.key, input), k(tokens * shape.kv_heads * shape.key, input);
  Exact<float> v(tokens * shape.kv_heads * shape.value, input), d(tokens * shape.heads * shape.value, input);
  Exact<float> out(d.count()), logs(tokens * shape.heads), dq(q.count()), dk(k.count()), dv(v.count());
  for (Exact<float>* gradient : {&dq, &dk, &dv}) std::fill_n(gradient->data(), gradient->count(), 0.0f);
  const Attention::Inputs in{q.data(), k.data(), v.data()};
  for (int64_t part = 0; part < 2; ++part) shape.forward(in, out.data(), logs.data(), part, 2);
  for (int64_t part = 0; part < 2; ++part)
    shape.backward(in, {out.data(), logs.data()}, d.data(), {dq.data(), dk.data(), dv.data()}, part, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  void (*const parts[])(fuzz::Input&) = {layout, sums, matrices, decompositions, attention};
  parts[input.between(0, 4)](input);
  return 0;
}

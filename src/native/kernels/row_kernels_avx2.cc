// Compiled with AVX2; entered only where the processor has it.
#include "row_loop.h"

namespace lathe {
namespace {

struct Avx2;

}  // namespace

RowKernels row_kernels_avx2() { return make_row_kernels<Avx2>(); }

}  // namespace lathe

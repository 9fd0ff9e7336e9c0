// Compiled with AVX512; entered only where the processor has it.
#include "row_loop.h"

namespace lathe {
namespace {

struct Avx512;

}  // namespace

RowKernels row_kernels_avx512() { return make_row_kernels<Avx512>(); }

}  // namespace lathe

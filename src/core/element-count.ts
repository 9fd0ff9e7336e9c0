/**
 * How many elements a tensor of this shape has; a scalar (no dimensions) has one.
 * Infinity where a dimension is not an exact whole number, or where the product of the dimensions other than 0 passes
 * 2^53 - 1: an empty tensor is no excuse for absurd sides, which a reader in C might multiply until they wrap to 0.
 */
export function elementCount(shape: readonly number[]): number {
  let empty = false;
  let product = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return Infinity;
    if (size === 0) empty = true;
    else product *= size;
    // The rounded product of two exact numbers is above the limit exactly when the true one is.
    if (product > Number.MAX_SAFE_INTEGER) return Infinity;
  }
  return empty ? 0 : product;
}

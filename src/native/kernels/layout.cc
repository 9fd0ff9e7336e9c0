#include "layout.h"

#include <algorithm>
#include <cstring>

namespace lathe {
namespace {

/// A tile of source and one of target stay in the L1 cache: 2 × 32 × 32 × 8 bytes.
constexpr int64_t kTile = 32;

template <class Element>
void transpose_elements(const uint8_t* source, uint8_t* target, int64_t rows, int64_t columns) {
  for (int64_t top = 0; top < rows; top += kTile) {
    const int64_t bottom = std::min(rows, top + kTile);
    for (int64_t left = 0; left < columns; left += kTile) {
      const int64_t right = std::min(columns, left + kTile);
      for (int64_t column = left; column < right; ++column)
        for (int64_t row = top; row < bottom; ++row) {
          Element element;  // through a copy, because neither run needs to be aligned
          std::memcpy(&element, source + (row * columns + column) * static_cast<int64_t>(sizeof element),
                      sizeof element);
          std::memcpy(target + (column * rows + row) * static_cast<int64_t>(sizeof element), &element, sizeof element);
        }
    }
  }
}

}  // namespace

void permute_rows(const uint8_t* source, uint8_t* target, int64_t rows, int64_t row_bytes, int64_t heads) {
  const int64_t head_rows = rows / heads, half = head_rows / 2;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t i = 0; i < half; ++i)
      for (int64_t part = 0; part < 2; ++part) {
        std::memcpy(target, source + (head * head_rows + part * half + i) * row_bytes, static_cast<size_t>(row_bytes));
        target += row_bytes;
      }
}

void transpose(const uint8_t* source, uint8_t* target, int64_t rows, int64_t columns, int64_t element_bytes) {
  if (element_bytes == 1) transpose_elements<uint8_t>(source, target, rows, columns);
  if (element_bytes == 2) transpose_elements<uint16_t>(source, target, rows, columns);
  if (element_bytes == 4) transpose_elements<uint32_t>(source, target, rows, columns);
  if (element_bytes == 8) transpose_elements<uint64_t>(source, target, rows, columns);
}

void add_one(uint8_t* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, values + i * 4, 4);
    value += 1.0f;
    std::memcpy(values + i * 4, &value, 4);
  }
}

}  // namespace lathe

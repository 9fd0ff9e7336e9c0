#pragma once

#include <cstdint>

namespace lathe {

/// The row order that llama.cpp's rotary embedding wants of a Hugging Face q or k projection: each head's rows
/// [2, d/2, …] become [d/2, 2, …]. d = rows / heads is even; `rows` is a multiple of it. Source and target do not
/// overlap.
void permute_rows(const uint8_t* source, uint8_t* target, int64_t rows, int64_t row_bytes, int64_t heads);

/// target[columns × rows] = source[rows × columns] transposed, elements of `element_bytes` (1, 2, 4 or 8). They do not
/// overlap.
void transpose(const uint8_t* source, uint8_t* target, int64_t rows, int64_t columns, int64_t element_bytes);

/// Add 1 to each of `count` float32 in place: Gemma's norms are stored as their distance from 1. Any alignment.
void add_one(uint8_t* values, int64_t count);

}  // namespace lathe

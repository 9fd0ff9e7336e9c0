#pragma once

#include "train/tape.h"

namespace lathe {

/// The weights of one layer; what a family has not is empty.
struct BlockWeights {
  Weight attention_norm, query_norm, key_norm, attention_post_norm;
  Linear query, key, value;
  Linear query_key_value;  // in place of the three
  Linear attention_output;
  Weight feed_forward_norm, feed_forward_post_norm;
  Linear gate, up, down;
  bool gate_in_up = false;  // up has both, gate first
};

/// What a layer reads beside the states.
struct RowTensors {
  ggml_tensor* positions;  // [T]
  Sight sight;
  ggml_tensor* factors;  // of rotary frequencies, or null
};

/// Zeros and 1 / (1 − p), for the inputs of: q, k, v; attention output; gate, up; down. Null: nothing is dropped.
struct Dropout {
  ggml_tensor *attention = nullptr, *attention_output = nullptr, *feed_forward = nullptr, *down = nullptr;
};

/// One layer of a decoder: x [embedding, T] → [embedding, T].
Var* add_block(Tape& tape, const Family& family, int64_t layer, const BlockWeights& weights, const RowTensors& row,
               const Dropout& drop, Var* x);

}  // namespace lathe

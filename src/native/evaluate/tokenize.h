#pragma once

#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

/// Longest text in bytes: llama.cpp counts bytes and tokens in 32 bits, and may need a few tokens more than there are
/// bytes.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

/// The tokens of a text in UTF-8. `add_special`: with BOS and the like where the model wants them. `parse_special`: the
/// names of special tokens in the text mean these tokens.
/// Throws CodedError tokenizer.unsupportedText (`character`, and `position` counted in characters) for text that needs
/// a token that the vocabulary lacks; evaluate.textTooLong.
std::vector<llama_token> tokenize(const Model& model, const std::string& text, bool add_special, bool parse_special);

}  // namespace lathe

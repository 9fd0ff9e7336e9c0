#include "evaluate/tokenize.h"

#include <limits>
#include <stdexcept>
#include <unordered_set>

#include "coded_error.h"

namespace lathe {
namespace {

bool is_tokenizable(const Model& model, const std::string& text) {
  try {
    model.api().llama_tokenize(model.vocabulary(), text.data(), static_cast<int32_t>(text.size()), nullptr, 0, false,
                               false);
    return true;
  } catch (const std::out_of_range&) {
    return false;
  }
}

/// Bytes of the UTF-8 character that begins with `first`; 1 for what is no beginning.
size_t character_bytes(unsigned char first) {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  if (first >= 0xc0) return 2;
  return 1;
}

/// The first character that cannot be tokenized by itself. Each different one is tried once: a text of any length has
/// only a few hundred or, in Chinese, a few thousand.
CodedError unsupported_text(const Model& model, const std::string& text, const std::string& cause) {
  std::unordered_set<std::string> fine;
  double position = 0;
  for (size_t at = 0; at < text.size(); position += 1) {
    std::string character = text.substr(at, character_bytes(static_cast<unsigned char>(text[at])));
    at += character.size();
    if (fine.contains(character)) continue;
    if (!is_tokenizable(model, character))
      return CodedError("tokenizer.unsupportedText", {{"character", character}, {"position", position}}, cause);
    fine.insert(std::move(character));
  }
  return CodedError("internal.unexpected", {{"problem", "the text could not be tokenized: " + cause}});
}

}  // namespace

std::vector<llama_token> tokenize(const Model& model, const std::string& text, bool add_special, bool parse_special) {
  if (text.size() > kMaxTextBytes)
    throw CodedError("evaluate.textTooLong", {{"sizeBytes", static_cast<double>(text.size())},
                                              {"limitBytes", static_cast<double>(kMaxTextBytes)}});
  const auto run = [&](std::vector<llama_token>& tokens) {
    return model.api().llama_tokenize(model.vocabulary(), text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                                      static_cast<int32_t>(tokens.size()), add_special, parse_special);
  };
  try {
    // No tokenizer makes more tokens than there are bytes, BOS and EOS apart; if one does, it says how many.
    std::vector<llama_token> tokens(text.size() + 2);
    int32_t count = run(tokens);
    if (count == std::numeric_limits<int32_t>::min()) throw std::length_error("too many tokens");
    if (count < 0) {
      tokens.resize(static_cast<size_t>(-count));
      count = run(tokens);
    }
    tokens.resize(static_cast<size_t>(count));
    tokens.shrink_to_fit();
    return tokens;
  } catch (const std::out_of_range& error) {
    // llama.cpp lets this pass through its C interface when it finds neither a token nor its bytes.
    throw unsupported_text(model, text, error.what());
  }
}

}  // namespace lathe

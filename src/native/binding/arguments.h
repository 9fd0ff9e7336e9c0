#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "job.h"

namespace lathe {

/// Memory of a Uint8Array, at any alignment.
struct Bytes {
  uint8_t* data;
  int64_t size;

  bool overlaps(const Bytes& other) const {
    const auto begin = reinterpret_cast<uintptr_t>(data), other_begin = reinterpret_cast<uintptr_t>(other.data);
    return begin < other_begin + static_cast<uintptr_t>(other.size) &&
           other_begin < begin + static_cast<uintptr_t>(size);
  }
};

/// Memory of a typed array, aligned for its elements.
template <class Element>
struct Span {
  Element* data;
  int64_t count;
};

/// The arguments of one call, each by its place and the name that a message gives it. Each function throws a TypeError
/// when the argument is not what it should be: such a call is a mistake of src/engine/native.ts, not of the user.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  Napi::Env env() const { return info_.Env(); }
  Napi::Value value(size_t index) const { return info_[index]; }

  Bytes bytes(size_t index, const char* name) const;
  /// Exactly `size` of them.
  Bytes bytes(size_t index, const char* name, int64_t size) const;
  /// A Float32Array, Uint32Array, Int32Array or Uint16Array; with `count`, of exactly so many elements.
  Span<float> floats(size_t index, const char* name, int64_t count = -1) const;
  Span<uint32_t> words(size_t index, const char* name, int64_t count = -1) const;
  Span<int32_t> integers(size_t index, const char* name, int64_t count = -1) const;
  Span<uint16_t> halves(size_t index, const char* name, int64_t count = -1) const;
  std::string text(size_t index, const char* name) const;
  bool boolean(size_t index, const char* name) const;
  double number(size_t index, const char* name) const;
  /// A whole number in [least, most].
  int64_t whole(size_t index, const char* name, int64_t least, int64_t most) const;
  /// The place of the text in `names`.
  template <size_t n>
  size_t choice(size_t index, const char* name, const char* const (&names)[n]) const {
    const std::string given = text(index, name);
    for (size_t i = 0; i < n; ++i)
      if (given == names[i]) return i;
    fail(name, "is not one that is known");
  }
  /// A function, or undefined: then empty.
  Napi::Function callback(size_t index, const char* name) const;
  CancelFlag cancel_flag(size_t index) const { return cancel_flag_of(info_[index]); }

  [[noreturn]] void fail(const char* name, const char* problem) const;

 private:
  template <class Element>
  Span<Element> elements(size_t index, const char* name, napi_typedarray_type type, const char* wrong, int64_t count) const;

  const Napi::CallbackInfo& info_;
};

/// a · b, or -1 where that is no int64.
int64_t checked_product(int64_t a, int64_t b);

/// What a function called at once, not as a job, does with a CodedError: it throws it to JavaScript.
template <class Function>
Napi::Value throwing_to_js(Napi::Env env, Function function) {
  try {
    return function();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(env, current_error());
  }
}

}  // namespace lathe

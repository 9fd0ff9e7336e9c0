#include "binding/arguments.h"

#include <cmath>
#include <limits>

namespace lathe {

Bytes Arguments::bytes(size_t index, const char* name) const {
  const Napi::Value value = info_[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    fail(name, "is not a Uint8Array");
  auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), static_cast<int64_t>(array.ByteLength())};
}

Bytes Arguments::bytes(size_t index, const char* name, int64_t size) const {
  const Bytes given = bytes(index, name);
  if (given.size != size) fail(name, "has another size than it should");
  return given;
}

template <class Element>
Span<Element> Arguments::elements(size_t index, const char* name, napi_typedarray_type type, const char* wrong,
                                  int64_t count) const {
  const Napi::Value value = info_[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) fail(name, wrong);
  auto array = value.As<Napi::TypedArrayOf<Element>>();
  const auto found = static_cast<int64_t>(array.ElementLength());
  if (count >= 0 && found != count) fail(name, "has another length than it should");
  return {array.Data(), found};
}

Span<float> Arguments::floats(size_t index, const char* name, int64_t count) const {
  return elements<float>(index, name, napi_float32_array, "is not a Float32Array", count);
}

Span<uint32_t> Arguments::words(size_t index, const char* name, int64_t count) const {
  return elements<uint32_t>(index, name, napi_uint32_array, "is not a Uint32Array", count);
}

Span<int32_t> Arguments::integers(size_t index, const char* name, int64_t count) const {
  return elements<int32_t>(index, name, napi_int32_array, "is not an Int32Array", count);
}

Span<uint16_t> Arguments::halves(size_t index, const char* name, int64_t count) const {
  return elements<uint16_t>(index, name, napi_uint16_array, "is not a Uint16Array", count);
}

double Arguments::number(size_t index, const char* name) const {
  if (!info_[index].IsNumber()) fail(name, "is not a number");
  return info_[index].As<Napi::Number>().DoubleValue();
}

std::string Arguments::text(size_t index, const char* name) const {
  if (!info_[index].IsString()) fail(name, "is not a string");
  return info_[index].As<Napi::String>().Utf8Value();
}

bool Arguments::boolean(size_t index, const char* name) const {
  if (!info_[index].IsBoolean()) fail(name, "is not a boolean");
  return info_[index].As<Napi::Boolean>().Value();
}

int64_t Arguments::whole(size_t index, const char* name, int64_t least, int64_t most) const {
  if (!info_[index].IsNumber()) fail(name, "is not a number");
  const double number = info_[index].As<Napi::Number>().DoubleValue();
  // Not `number < least`, so that NaN fails as well.
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || number != std::floor(number))
    fail(name, "is out of its range");
  return static_cast<int64_t>(number);
}

Napi::Function Arguments::callback(size_t index, const char* name) const {
  if (info_[index].IsUndefined()) return {};
  if (!info_[index].IsFunction()) fail(name, "is not a function");
  return info_[index].As<Napi::Function>();
}

void Arguments::fail(const char* name, const char* problem) const {
  throw Napi::TypeError::New(info_.Env(), std::string(name) + " " + problem);
}

int64_t checked_product(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return -1;
  if (b != 0 && a > std::numeric_limits<int64_t>::max() / b) return -1;
  return a * b;
}

}  // namespace lathe

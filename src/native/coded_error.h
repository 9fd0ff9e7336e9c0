#pragma once

#include <exception>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lathe {

/// An error that the user is told of, as in src/core/errors: a code, the parameters of its text, and the technical
/// cause in the words of whoever reported it.
class CodedError : public std::exception {
 public:
  using Param = std::pair<std::string, std::variant<std::string, double>>;

  explicit CodedError(std::string code, std::vector<Param> params = {}, std::string detail = {})
      : code_(std::move(code)), params_(std::move(params)), detail_(std::move(detail)) {}

  const char* what() const noexcept override { return code_.c_str(); }
  const std::string& code() const { return code_; }
  const std::vector<Param>& params() const { return params_; }
  const std::string& detail() const { return detail_; }

 private:
  std::string code_;
  std::vector<Param> params_;
  std::string detail_;
};

}  // namespace lathe

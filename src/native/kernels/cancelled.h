#pragma once

namespace lathe {

/// Thrown out of work whose cancel flag was raised.
struct Cancelled {};

}  // namespace lathe

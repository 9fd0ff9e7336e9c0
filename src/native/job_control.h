#pragma once

#include <atomic>

#include "kernels/cancelled.h"

namespace lathe {

/// How long work tells how far it is, and learns that it should stop.
class JobControl {
 public:
  virtual ~JobControl() = default;

  /// From any thread, as often as it likes: what is too frequent is left out.
  virtual void report(double amount, double total) = 0;

  virtual const std::atomic<bool>& cancelled() const = 0;

  void stop_if_cancelled() const {
    if (cancelled().load(std::memory_order_relaxed)) throw Cancelled{};
  }
};

}  // namespace lathe

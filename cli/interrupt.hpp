#pragma once
// Ctrl-C (SIGINT) and SIGTERM as a descriptor that becomes readable, so that a wait ends in order and can say what goes on. One a
// program, made before anything else waits.

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone::cli {

class Interrupt {
 public:
  // From now on the two signals end the program no more. Errors: system.
  static Result<Interrupt> create();
  int descriptor() const { return descriptor_.get(); }

 private:
  explicit Interrupt(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

}  // namespace zynclone::cli

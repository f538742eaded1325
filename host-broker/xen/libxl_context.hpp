#pragma once
// Owner of one libxl_ctx (libxl.h of Xen 4.17) and its logger. Its calls block, and may be made from several threads at once. What libxl
// complains of during a call becomes the cause in that call's error.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host-broker/xen/hypervisor.hpp"

namespace zynclone::broker::xen {

class LibxlContext {
 public:
  // Errors: xen, where there is no Xen or no right to it.
  static Result<std::unique_ptr<LibxlContext>> create();
  ~LibxlContext();

  // Errors: xen; not_found for a domain that is not there.
  Result<std::vector<Domain>> list();
  Result<DomainMemory> memory_of(DomainId domain);
  Result<void> pause(DomainId domain);
  Result<void> unpause(DomainId domain);
  Result<void> ask_to_shut_down(DomainId domain);
  Result<void> destroy(DomainId domain);

 private:
  struct State;
  explicit LibxlContext(std::unique_ptr<State> state);
  Result<bool> resume_if_suspended(DomainId domain);
  Result<void> check(std::string_view verb, DomainId domain, int result);
  std::unique_ptr<State> state_;
};

}  // namespace zynclone::broker::xen

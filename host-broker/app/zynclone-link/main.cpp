// zynclone-link: carries one guest's messages to the broker, in a process that may do nothing else. See arguments.hpp.

#include <cstdio>
#include <unistd.h>

#include "host-broker/app/zynclone-link/link.hpp"
#include "host-broker/app/zynclone-link/self_test.hpp"

int main(int count, char** values) {
  using namespace zynclone::broker;
  auto arguments = link::parse_arguments(count, values);
  if (!arguments) {
    std::fprintf(stderr, "zynclone-link: %s\n%s", arguments.error().message.c_str(), link::k_usage.data());
    return static_cast<int>(gateway::LinkExit::usage);
  }
  if (arguments.value().self_test) return link::run_self_test();
  // Without destructors and exit handlers: the process has no right left to tidy up, and the kernel does it.
  ::_exit(static_cast<int>(link::run_link(arguments.value())));
}

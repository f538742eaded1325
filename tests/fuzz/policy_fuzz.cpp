// Policy text. Whatever stands in it: parsing ends, and text with an error allows nothing.
#include <cstdlib>

#include "host-broker/policy/rule_set.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zynclone::broker;
  const auto rules = policy::RuleSet::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto vm = zynclone::VmName::parse("pos1").value();
  const auto ruling = rules.evaluate("clone.create", vm, policy::LocalTime{});
  if (!rules.errors().empty() && ruling.decision != Decision::deny) std::abort();
  return 0;
}

#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"
#include "host-broker/sandbox/bring_up.hpp"

namespace zynclone::sandbox {

int down(const std::string& folder) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  const auto ended = run_to_end(bring_down(layout.value()));
  return ended ? 0 : show(ended.error());
}

}  // namespace zynclone::sandbox

#pragma once
// What all commands share that change one clone by its name: in a guest `start CLONE`, for an administrator `start VM CLONE`.

#include <memory>
#include <optional>
#include <string>

#include "cli/session.hpp"

namespace zynclone::cli {

// Values as they stand on the command line, until they are parsed.
struct CloneChange {
  std::string vm;
  std::string name;
  ChangeOptions change;

  // Nothing for a guest, which is its channel.
  Result<std::optional<VmName>> parsed_vm() const;
  Result<CloneName> parsed_name() const;
};

// Declares VM (for an administrator), CLONE and the options of changes.
void add_clone_change_arguments(const Command& command, Session& session, CloneChange& values);

// A change that needs the clone's name and nothing else.
template <class M>
void add_clone_change(const Command& parent, Session& session, const std::string& name, const std::string& what) {
  auto values = std::make_shared<CloneChange>();
  const Command command = session.add(parent, name, what, [values, &session]() -> Result<ExitCode> {
    TRY(auto vm, values->parsed_vm());
    TRY(auto clone, values->parsed_name());
    return session.change(M{.name = std::move(clone)}, values->change, std::move(vm));
  });
  add_clone_change_arguments(command, session, *values);
}

}  // namespace zynclone::cli

#pragma once
// What all commands share that change one clone by its name, in a guest `start CLONE`, for an administrator `start VM CLONE`, or the family.

#include <memory>
#include <optional>
#include <string>

#include "cli/session.hpp"

namespace zynclone::cli {

// Values as they stand on the command line, until they are parsed.
struct FamilyChange {
  std::string vm;
  ChangeOptions change;

  // Nothing for a guest, which is its channel.
  Result<std::optional<VmName>> parsed_vm() const;
};
struct CloneChange : FamilyChange {
  std::string name;

  Result<CloneName> parsed_name() const;
};

// For an administrator; a guest is its channel.
void add_vm_argument(const Command& command, const Session& session, std::string& vm);
void add_optional_vm_argument(const Command& command, const Session& session, std::string& vm);

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

// A change of the family that needs nothing else.
template <class M>
void add_family_change(const Command& parent, Session& session, const std::string& name, const std::string& what) {
  auto values = std::make_shared<FamilyChange>();
  const Command command = session.add(parent, name, what, [values, &session]() -> Result<ExitCode> {
    TRY(auto vm, values->parsed_vm());
    return session.change(M{}, values->change, std::move(vm));
  });
  add_vm_argument(command, session, values->vm);
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::cli

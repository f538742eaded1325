#pragma once
// What the agent keeps in files: the quiesce record and those of shared volumes (where a reboot removes them: /run), and the VM that this disk
// ran as last.

#include <filesystem>

#include "guest-agent-core/identity.hpp"
#include "guest-agent-core/identity_record.hpp"
#include "guest-agent-core/quiesce_record.hpp"
#include "guest-agent-core/volume_record.hpp"
#include "system/descriptor.hpp"

namespace zynclone::agent {

class FileQuiesceStore final : public QuiesceStore {
 public:
  // The file is `folder`/quiesced; the folder is made when it is needed.
  explicit FileQuiesceStore(const std::filesystem::path& folder) : file_(folder / "quiesced") {}
  Result<void> save(const QuiesceRecord& record) override;
  Result<std::optional<QuiesceRecord>> load() override;
  Result<void> clear() override;

 private:
  std::filesystem::path file_;
};

class FileVolumeStore final : public VolumeStore {
 public:
  // A file of the volume's name in `folder`/volumes, which is made when it is needed.
  explicit FileVolumeStore(const std::filesystem::path& folder) : folder_(folder / "volumes") {}
  Result<void> save(const VolumeName& volume, const VolumeRecord& record) override;
  Result<std::optional<VolumeRecord>> load(const VolumeName& volume) override;
  Result<void> clear() override;

 private:
  std::filesystem::path folder_;
};

class FileIdentityStore final : public IdentityStore {
 public:
  // The file is `folder`/applied-identity; the folder is made when it is needed.
  explicit FileIdentityStore(const std::filesystem::path& folder) : file_(folder / "applied-identity") {}
  Result<void> save(const IdentityRecord& record) override;
  Result<std::optional<IdentityRecord>> load() override;

 private:
  std::filesystem::path file_;
};

// Held by the one agent that may thaw what the record in this folder says: another one, started by mistake, must not. Ends with the process.
// Errors: already_exists; system.
Result<Descriptor> lock_state_folder(const std::filesystem::path& folder);

class FileLastIdentity final : public LastIdentity {
 public:
  explicit FileLastIdentity(std::filesystem::path file) : file_(std::move(file)) {}
  std::optional<Uuid> load() override;
  Result<void> save(const Uuid& uuid) override;

 private:
  std::filesystem::path file_;
};

}  // namespace zynclone::agent

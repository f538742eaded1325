#pragma once
// XenStore as a mailbox sees it, in memory: one tree, and for each side a store that may write its own folder only.

#include <map>
#include <vector>

#include "protocol/channel/mailbox_store.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::tests {

class FakeMailboxTree {
 public:
  explicit FakeMailboxTree(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  // A store that writes below `own` and gets told about changes below `watched`.
  std::unique_ptr<channel::MailboxStore> open(std::string own, std::string watched);

  void write(const std::string& path, std::string value);
  void remove(const std::string& path);
  std::optional<std::string> read(const std::string& path) const;

  const asio::any_io_executor& executor() const { return executor_; }
  std::map<std::string, std::string> nodes;
  std::vector<std::string> forbidden;   // writes outside of the writer's folder, which fail
  std::size_t largest_value = 0;
  std::optional<Error> writes_fail;

 private:
  friend class FakeMailboxStore;
  struct Watch {
    std::string path;
    bool fired = true;                  // once on registration, as XenStore's
    bool closed = false;
    channel::WakeUp wake_up;
  };
  void fire(const std::string& path);

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<Watch>> watches_;
};

}  // namespace zynclone::tests

#include "guest-agent-linux/filesystem_freezer.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <mutex>
#include <sys/ioctl.h>
#include <thread>

#include "protocol/channel/wake_up.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_longest_thaw{10};  // then the caller may try again

int call_kernel(const std::string& mount, unsigned long request) {
  const Descriptor folder(::open(mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno;
  return ::ioctl(folder.get(), request, 0) == 0 ? 0 : errno;
}

Error failed(std::string_view verb, const std::string& mount, int number) {
  const std::string what = "cannot " + std::string(verb) + " '" + printable(mount) + "': ";
  switch (number) {
    case EBUSY: return Error{Errc::conflict, what + "it is frozen already"};
    case EOPNOTSUPP:
    case ENOTTY: return Error{Errc::system, what + "its file system cannot be frozen"};
    default: return Error{Errc::system, what + std::strerror(number)};
  }
}

}  // namespace

FreezeCalls kernel_freeze_calls() {
  return {[](const std::string& mount) { return call_kernel(mount, FIFREEZE); },
          [](const std::string& mount) { return call_kernel(mount, FITHAW); }};
}

// One thread's work: freeze all, hold until asked or until the time is over, thaw all. Shared by the thread and whoever waits for it.
class FilesystemFreezer::Work : public std::enable_shared_from_this<Work> {
 public:
  Work(asio::any_io_executor executor, FreezeCalls calls) : executor_(std::move(executor)), calls_(std::move(calls)) {}

  void start_freezing(std::vector<std::string> mounts, Deadline longest) {
    end_ = Clock::now() + longest;
    start([mounts = std::move(mounts)](Work& work) {
      if (work.freeze_all(mounts)) work.hold();
      work.thaw_frozen();
    });
  }

  void start_thawing(std::vector<std::string> mounts) {
    frozen_ = std::move(mounts);
    start([](Work& work) { work.thaw_frozen(); });
  }

  void ask_for_thaw() {
    const std::lock_guard lock(mutex_);
    thaw_asked_ = true;
    asked_.notify_all();
  }

  // What the waiting side sees; each is set once.
  struct Outcome {
    bool frozen = false;                // all are, or were
    std::optional<Error> freeze_error;
    bool ended = false;                 // the thread has nothing left to do
    Thaw thaw = Thaw::held;
    std::optional<Error> thaw_error;
  };
  Outcome outcome() {
    const std::lock_guard lock(mutex_);
    return outcome_;
  }
  channel::WakeUp changed;  // on the executor's thread

 private:
  template <class Function>
  void start(Function function) {
    // The guard keeps the program from ending before all is thawed.
    std::thread([self = shared_from_this(), function = std::move(function), guard = asio::make_work_guard(executor_)] {
      function(*self);
      self->update([](Outcome& outcome) { outcome.ended = true; });
    }).detach();
  }

  template <class Function>
  void update(Function change) {
    {
      const std::lock_guard lock(mutex_);
      change(outcome_);
    }
    asio::post(executor_, [self = shared_from_this()] { self->changed.wake(); });
  }

  bool is_asked_to_thaw() {
    const std::lock_guard lock(mutex_);
    return thaw_asked_;
  }

  bool freeze_all(const std::vector<std::string>& mounts) {
    for (const std::string& mount : mounts) {
      if (is_asked_to_thaw()) return false;
      if (const int number = calls_.freeze(mount); number != 0) {
        update([&](Outcome& outcome) { outcome.freeze_error = failed("freeze", mount, number); });
        return false;
      }
      frozen_.push_back(mount);
    }
    update([](Outcome& outcome) { outcome.frozen = true; });
    return true;
  }

  void hold() {
    std::unique_lock lock(mutex_);
    if (!asked_.wait_until(lock, end_, [this] { return thaw_asked_; })) {
      outcome_.thaw = Thaw::lost;
      log_error("thawing file systems because nobody else did");
    }
  }

  // The outer ones first, as the inner ones' mount points are on them.
  void thaw_frozen() {
    for (auto mount = frozen_.rbegin(); mount != frozen_.rend(); ++mount) {
      const int number = calls_.thaw(*mount);
      if (number == 0) continue;
      // EINVAL: not frozen. ENOENT: unmounted meanwhile, or never there.
      const bool nothing_to_thaw = number == EINVAL || number == ENOENT;
      update([&](Outcome& outcome) {
        outcome.thaw = Thaw::lost;
        if (!nothing_to_thaw) outcome.thaw_error = failed("thaw", *mount, number);
      });
    }
  }

  asio::any_io_executor executor_;
  FreezeCalls calls_;
  std::mutex mutex_;  // of what follows
  std::condition_variable asked_;
  bool thaw_asked_ = false;
  Outcome outcome_;
  Clock::time_point end_;             // set before the thread starts
  std::vector<std::string> frozen_;   // the thread's own
};

FilesystemFreezer::FilesystemFreezer(asio::any_io_executor executor, std::vector<std::string> mounts, Check check, FreezeCalls calls)
    : executor_(std::move(executor)), mounts_(std::move(mounts)), check_(std::move(check)), calls_(std::move(calls)) {
  // A path is longer than that of the mount point above it.
  std::stable_sort(mounts_.begin(), mounts_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

FilesystemFreezer::~FilesystemFreezer() {
  if (work_) work_->ask_for_thaw();
}

asio::awaitable<Result<void>> FilesystemFreezer::freeze(Deadline limit, Deadline longest) {
  if (work_) co_return fail(Errc::busy, "cannot freeze file systems: an earlier freeze has not ended");
  for (const std::string& mount : mounts_) {
    CO_TRY(check_(mount));
  }
  auto work = std::make_shared<Work>(executor_, calls_);
  work_ = work;
  work->start_freezing(mounts_, longest);
  auto frozen = co_await wait_frozen(work, limit);
  if (frozen || frozen.error().code == Errc::timed_out) co_return frozen;
  Result<Thaw> thawed = co_await wait_thawed(work);
  if (!thawed) co_return fail(Errc::timed_out, frozen.error().message + "; " + thawed.error().message);
  co_return frozen;
}

asio::awaitable<Result<void>> FilesystemFreezer::wait_frozen(std::shared_ptr<Work> work, Deadline limit) {
  // However this ends but well, the thread must not go on to freeze.
  struct Abandon {
    Work* work;
    ~Abandon() {
      if (work != nullptr) work->ask_for_thaw();
    }
  } abandon{work.get()};
  const auto end = Clock::now() + limit;
  while (true) {
    const Work::Outcome outcome = work->outcome();
    if (outcome.freeze_error) co_return *outcome.freeze_error;
    if (outcome.frozen) break;
    const bool woken = co_await work->changed.wait_until(end);
    if (!woken) co_return took_too_long("freezing file systems", limit);
  }
  abandon.work = nullptr;
  co_return outcome::success();
}

asio::awaitable<Result<Thaw>> FilesystemFreezer::wait_thawed(std::shared_ptr<Work> work) {
  work->ask_for_thaw();
  const auto end = Clock::now() + k_longest_thaw;
  while (!work->outcome().ended) {
    const bool woken = co_await work->changed.wait_until(end);
    if (!woken) co_return took_too_long("thawing file systems", k_longest_thaw);
  }
  const Work::Outcome outcome = work->outcome();
  if (work_ == work) work_.reset();
  if (outcome.thaw_error) co_return *outcome.thaw_error;
  co_return outcome.thaw;
}

asio::awaitable<Result<Thaw>> FilesystemFreezer::thaw(std::vector<std::string> mounts) {
  if (!work_) {
    work_ = std::make_shared<Work>(executor_, calls_);
    work_->start_thawing(std::move(mounts));
  }
  auto thawed = co_await wait_thawed(work_);
  co_return thawed;
}

}  // namespace zynclone::agent

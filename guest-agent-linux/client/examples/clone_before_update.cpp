// Makes a clone of this virtual machine before an update, so that there is something to go back to.
#include <zynclone/client.hpp>

#include <iostream>

namespace zc = zynclone::client;

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: clone_before_update NAME\n", 2;
  zc::Client client;

  // With this request id it is safe to run this again after a crash: the same clone is meant, and it is made once.
  auto operation = client.request(zc::Change::create(argv[1]).with_request_id(std::string("update-") + argv[1]));
  if (operation) {
    operation = client.wait(operation->id, std::chrono::minutes(15), [](const zc::Operation& now) {
      std::cout << now.percent << " %" << std::endl;
      return true;
    });
  }
  if (!operation) return std::cerr << "not updating: " << operation.error().message << '\n', 1;
  if (!operation->succeeded()) {
    std::cerr << "not updating: " << (operation->error ? operation->error->message : "the clone was not allowed") << '\n';
    return 1;
  }
  std::cout << operation->summary << '\n';
  // The update itself goes here.
}

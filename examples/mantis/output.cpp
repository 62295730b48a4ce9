// SPDX-License-Identifier: BSL-1.0
#include "output.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace tool {

output::~output() {
    flush();
    if (owned_) ::close(descriptor_);
}

bool output::open(const std::string& path, std::optional<output>& into) {
    if (path == "-") {
        into.emplace(STDOUT_FILENO, "standard output");
        return true;
    }
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (made < 0) return false;
    into.emplace(made, path);
    into->owned_ = true;
    return true;
}

void output::line(mantis::bytes_view line) {
    if (closed_ || failed_ != 0) return;
    if (!collected_.empty() && collected_.size() + line.size() >= collected_bytes) flush();
    collected_.append(line);
    collected_.push_back('\n');
}

void output::flush() {
    mantis::bytes_view rest = collected_.view();
    while (!rest.empty() && !closed_ && failed_ == 0) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written >= 0) rest = rest.from(static_cast<std::size_t>(written));
        else if (errno == EPIPE) closed_ = true;
        else if (errno != EINTR) failed_ = errno;
    }
    collected_.clear();
}

exit_code output::finish() {
    flush();
    if (failed_ == 0) return exit_code::done;
    return complain(exit_code::failed, "writing to " + name_ + ": " + std::strerror(failed_));
}

}  // namespace tool

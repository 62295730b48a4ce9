// SPDX-License-Identifier: BSL-1.0
#include "progress.hpp"

#include <unistd.h>
#include <cstdio>
#include <string>

namespace tool {

progress::progress(const char* what) : what_{what}, terminal_{::isatty(STDERR_FILENO) == 1} {}

void progress::show(std::uint64_t done, std::uint64_t total, std::uint64_t things,
                    const char* of_what) {
    if (!terminal_) return;
    const clock::time_point now = clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    constexpr std::size_t width = 30;
    std::string bar;
    if (total != 0) {
        const std::uint64_t reached = done < total ? done : total;
        const auto filled = static_cast<std::size_t>(reached * width / total);
        bar = " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " +
              std::to_string(reached * 100 / total) + "%";
    }
    std::fprintf(stderr, "\r%s%s  %llu %s, %.0f s\x1b[K", what_, bar.c_str(),
                 static_cast<unsigned long long>(things), of_what, seconds);
    std::fflush(stderr);
    drawn_ = true;
}

void progress::clear() {
    if (!drawn_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    drawn_ = false;
}

}  // namespace tool

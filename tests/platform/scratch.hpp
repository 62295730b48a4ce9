// SPDX-License-Identifier: BSL-1.0
//
// A directory of the real file system that ends with the test, and one stage for each platform to
// play on.
#pragma once

#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace platform_test {

using namespace mantis;

class scratch_directory {
public:
    scratch_directory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mantis-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string path(const std::string& below = {}) const {
        return below.empty() ? path_ : path_ + "/" + below;
    }

private:
    std::string path_;
};

inline std::string text_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// A platform, a path that it may make directories below, and a way to run a body in it.
struct posix_stage {
    using platform_type = posix;
    posix platform;
    scratch_directory scratch;
    std::string root = scratch.path();
    template <class Body>
    void run(Body&& body) {
        body();
    }
};
struct memory_stage {
    using platform_type = memory;
    memory platform;
    std::string root = "root";
    template <class Body>
    void run(Body&& body) {
        body();
    }
};
struct simulated_stage {
    using platform_type = simulated;
    simulation world{42};
    simulated platform = world.platform();
    std::string root = "root";
    template <class Body>
    void run(Body&& body) {
        world.run(body);
    }
};

}  // namespace platform_test

// SPDX-License-Identifier: BSL-1.0
//
// Files of the shared data directory, which MANTIS_SHARED names; tests that need one skip where it
// is absent.
#pragma once

#include <mantis/core/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace mantis_test {

inline std::string shared_path(const std::string& below) {
    const char* const shared = std::getenv("MANTIS_SHARED");
    const std::string root = shared != nullptr ? shared : "../shared/data";
    const std::string path = root + "/" + below;
    return std::filesystem::exists(path) ? path : std::string{};
}

inline std::vector<std::string> files_below(const std::string& directory) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    return found;
}

// What a command prints.
inline mantis::bytes output_of(const std::string& command) {
    mantis::bytes all;
    std::FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    char piece[65536];
    for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) != 0;)
        all.append({piece, got});
    REQUIRE(pclose(pipe) == 0);
    return all;
}

inline mantis::bytes file_contents(const std::string& path) {
    mantis::bytes all;
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    REQUIRE(file != nullptr);
    char piece[65536];
    for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, file)) != 0;)
        all.append({piece, got});
    std::fclose(file);
    return all;
}

// A directory of its own, removed at the end.
class temporary_directory {
public:
    temporary_directory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "mantis-test-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace mantis_test

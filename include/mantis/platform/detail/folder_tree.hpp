// SPDX-License-Identifier: BSL-1.0
//
// The directories of a file system in RAM, by path; a directory's parents exist like those of a
// real one.
#pragma once

#include "name_table.hpp"

namespace mantis::detail {

// One spelling for each directory: no "." component, no double and no last slash.
[[nodiscard]] inline bytes usual_path(bytes_view path) {
    bytes spelled;
    if (path.starts_with("/")) spelled.push_back('/');
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = at;
        while (end < path.size() && path[end] != std::byte{'/'}) ++end;
        const bytes_view part = path.part(at, end - at);
        if (!part.empty() && part != ".") {
            if (!spelled.empty() && spelled.view() != "/") spelled.push_back('/');
            spelled.append(part);
        }
        at = end + 1;
    }
    if (spelled.empty()) spelled.push_back('.');
    return spelled;
}

template <class Folder>
class folder_tree {
public:
    //   Returns     the directory, or an empty owner
    [[nodiscard]] shared<Folder> find(bytes_view path) const {
        return folders_.find(usual_path(path));
    }
    //   Effects     makes the directory and those above it where they are missing
    shared<Folder> create(bytes_view path) {
        const bytes whole = usual_path(path);
        for (std::size_t end = 1; end <= whole.size(); ++end) {
            if (end < whole.size() && whole[end] != std::byte{'/'}) continue;
            const bytes_view above = whole.view().first(end);
            if (!folders_.find(above)) folders_.set(above, shared<Folder>::make());
        }
        return folders_.find(whole);
    }
    [[nodiscard]] const auto& folders() const noexcept { return folders_.entries(); }

private:
    name_table<Folder> folders_;
};

}  // namespace mantis::detail

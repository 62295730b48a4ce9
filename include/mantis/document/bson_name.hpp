// SPDX-License-Identifier: BSL-1.0
//
// Field names between text and their stored form.
//
// BSON ends a name with a zero byte, and JSON allows U+0000 inside one. Such a character is stored
// as the over-long pair C0 80, which no valid UTF-8 text contains, so the two forms map one to one
// and every other name is stored as is. Names in a bson_view are in stored form; output and paths
// convert. The stored form of a stored form is itself, so a name from a bson_view can be given to a
// bson_writer as it is.
#pragma once

#include "../core/bytes.hpp"

namespace mantis {

//   Effects     appends `name` in stored form, without the ending zero byte
inline void append_stored_name(bytes& to, bytes_view name) {
    while (!name.empty()) {
        const void* const zero = std::memchr(name.data(), 0, name.size());
        if (zero == nullptr) return to.append(name);
        const auto plain =
            static_cast<std::size_t>(static_cast<const std::byte*>(zero) - name.data());
        to.append(name.first(plain));
        to.append({"\xc0\x80", 2});
        name = name.from(plain + 1);
    }
}

//   Effects     appends the text that `stored` stands for
inline void append_name_text(bytes& to, bytes_view stored) {
    while (!stored.empty()) {
        const void* const pair = std::memchr(stored.data(), 0xc0, stored.size());
        if (pair == nullptr) return to.append(stored);
        const auto plain =
            static_cast<std::size_t>(static_cast<const std::byte*>(pair) - stored.data());
        to.append(stored.first(plain));
        to.push_back(std::byte{0});
        stored = stored.from(plain + 2 <= stored.size() ? plain + 2 : stored.size());
    }
}

}  // namespace mantis

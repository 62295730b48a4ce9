// SPDX-License-Identifier: BSL-1.0
// expect: mantis: raw_codec<T>: T has padding, or a float, whose bytes say more
#include <mantis/core/raw_codec.hpp>

struct padded {
    char kind = 0;
    int number = 0;
};

int main() {
    std::byte room[sizeof(padded)];
    return mantis::raw_codec<padded>::store(room, padded{}) == room;
}

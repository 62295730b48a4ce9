// SPDX-License-Identifier: BSL-1.0
//
// ThreadSanitizer brings an operator new of its own, so there is no such test under it.
#include "../platform/thread_sanitizer.hpp"

#ifndef MANTIS_TEST_THREAD_SANITIZER
#include <doctest/doctest.h>

#include <mantis/core/encoded.hpp>
#include <mantis/core/key_codec.hpp>
#include <mantis/core/raw_codec.hpp>
#include <mantis/core/value_codec.hpp>

#include <cstdlib>
#include <new>
#include <string>
#include <vector>

using namespace mantis;

namespace {

std::size_t allocations = 0;

}  // namespace

// Counts; for the whole test program. Not inlined, for GCC would take the halves of a pair that it
// inlines for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
    std::abort();
}
void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct point {
    std::int32_t x = 1;
    double y = 2;
    using stored = members<&point::x, &point::y>;
};
struct grid {
    std::uint32_t cells[1000] = {};
};

//   Returns     how many allocations it takes to encode the value, and to read it again
template <class Codec, class T>
std::size_t allocations_of(const T& value) {
    T read = value;  // with room for what is read
    const std::size_t before = allocations;
    const encoded<Codec, T> made{value};
    const char* const wrong = decode<Codec>(made.view(), read);
    const std::size_t counted = allocations - before;
    CHECK(wrong == nullptr);
    return counted;
}

}  // namespace

TEST_CASE("a key of a fixed size takes no allocation to write and to read") {
    CHECK(allocations_of<key_codec<std::uint64_t>>(std::uint64_t{17}) == 0);
    CHECK(allocations_of<key_codec<double>>(1.5) == 0);
    CHECK(allocations_of<key_codec<point>>(point{}) == 0);
    using composite = std::tuple<std::uint32_t, std::array<std::byte, 16>, bool>;
    CHECK(allocations_of<key_codec<composite>>(composite{}) == 0);
    CHECK(allocations_of<value_codec<point>>(point{}) == 0);
}

TEST_CASE("text is written without an allocation up to the length of a key, and then with one") {
    using key = std::pair<std::string, std::uint32_t>;
    CHECK(allocations_of<key_codec<key>>(key{std::string(500, 'k'), 1}) == 0);
    CHECK(allocations_of<key_codec<key>>(key{std::string(600, 'k'), 1}) == 1);
    CHECK(allocations_of<value_codec<key>>(key{std::string(600, 'k'), 1}) == 1);
}

TEST_CASE("what lies in memory as it is encoded is not copied") {
    const std::string text(10000, 't');
    const encoded<key_codec<std::string>, std::string> whole{text};
    CHECK(whole.view().chars() == text.data());
    CHECK(whole.view().size() == text.size());
    const grid cells;
    const encoded<raw_codec<grid>, grid> lies{cells};
    CHECK(static_cast<const void*>(lies.view().data()) == &cells);
}

TEST_CASE("what counts allocations counts some") {
    const std::size_t before = allocations;
    const std::vector<int> some(3);
    CHECK(some.size() == 3);
    CHECK(allocations > before);
}
#endif

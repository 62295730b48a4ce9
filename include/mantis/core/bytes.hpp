// SPDX-License-Identifier: BSL-1.0
//
// Bytes: a view of some (`bytes_view`) and an owner of some (`bytes`). Keys, values, records and
// text are all bytes.
//
// Order is lexicographic by unsigned byte, a prefix before what it is a prefix of: the order of
// every index. Both convert from text without a copy of <string> in this header: anything with
// data() and size() over one-byte elements is accepted, and `as<std::string_view>()` goes back.
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "check.hpp"

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace mantis {

// A contiguous run of one-byte elements: std::string, std::string_view, std::vector<std::byte>,
// std::span<char>, ...
template <class T>
concept byte_range = requires(const T& range) {
    {range.data()};
    { range.size() } -> std::convertible_to<std::size_t>;
    requires sizeof(*range.data()) == 1;
    requires std::is_trivially_copyable_v<std::remove_cvref_t<decltype(*range.data())>>;
};

class bytes_view {
public:
    constexpr bytes_view() noexcept = default;
    constexpr bytes_view(const std::byte* data, std::size_t size) noexcept
        : data_{data}, size_{size} {}
    bytes_view(const char* text) noexcept
        : data_{reinterpret_cast<const std::byte*>(text)}, size_{std::strlen(text)} {}
    bytes_view(const char* text, std::size_t size) noexcept
        : data_{reinterpret_cast<const std::byte*>(text)}, size_{size} {}
    bytes_view(const void* data, std::size_t size) noexcept
        : data_{static_cast<const std::byte*>(data)}, size_{size} {}
    template <byte_range Range>
    requires(!std::same_as<std::remove_cvref_t<Range>, bytes_view>) bytes_view(const Range& range)
    noexcept : data_{reinterpret_cast<const std::byte*>(range.data())}, size_{range.size()} {}

    [[nodiscard]] constexpr const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] const char* chars() const noexcept {
        return reinterpret_cast<const char*>(data_);
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr const std::byte* begin() const noexcept { return data_; }
    [[nodiscard]] constexpr const std::byte* end() const noexcept { return data_ + size_; }
    [[nodiscard]] constexpr std::byte operator[](std::size_t at) const noexcept {
        return data_[at];
    }

    //   Requires    offset <= size()
    [[nodiscard]] constexpr bytes_view from(std::size_t offset) const noexcept {
        return {data_ + offset, size_ - offset};
    }
    //   Requires    count <= size()
    [[nodiscard]] constexpr bytes_view first(std::size_t count) const noexcept {
        return {data_, count};
    }
    //   Requires    offset + count <= size()
    [[nodiscard]] constexpr bytes_view part(std::size_t offset, std::size_t count) const noexcept {
        return {data_ + offset, count};
    }
    [[nodiscard]] bool starts_with(bytes_view prefix) const noexcept {
        return size_ >= prefix.size_ && same(data_, prefix.data_, prefix.size_);
    }

    // The same bytes as another type: as<std::string_view>(), as<std::string>().
    template <class Text>
    [[nodiscard]] Text as() const {
        return Text(chars(), size_);
    }

    [[nodiscard]] friend bool operator==(bytes_view a, bytes_view b) noexcept {
        return a.size_ == b.size_ && same(a.data_, b.data_, a.size_);
    }
    [[nodiscard]] friend std::strong_ordering operator<=>(bytes_view a, bytes_view b) noexcept {
        const std::size_t common = a.size_ < b.size_ ? a.size_ : b.size_;
        const int order = common == 0 ? 0 : std::memcmp(a.data_, b.data_, common);
        return order != 0 ? order <=> 0 : a.size_ <=> b.size_;
    }

private:
    static bool same(const std::byte* a, const std::byte* b, std::size_t size) noexcept {
        return size == 0 || std::memcmp(a, b, size) == 0;
    }

    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

class bytes {
public:
    bytes() noexcept = default;
    explicit bytes(bytes_view from) {
        reserve(from.size());
        append(from);
    }
    // `size` zero bytes.
    [[nodiscard]] static bytes zeros(std::size_t size) {
        bytes made;
        made.resize(size);
        return made;
    }

    bytes(const bytes& other) : bytes{other.view()} {}
    bytes(bytes&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)},
          size_{std::exchange(other.size_, 0)},
          capacity_{std::exchange(other.capacity_, 0)} {}
    bytes& operator=(const bytes& other) {
        if (this != &other) assign(other);
        return *this;
    }
    bytes& operator=(bytes&& other) noexcept {
        bytes taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~bytes() { delete[] data_; }

    void swap(bytes& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] const char* chars() const noexcept {
        return reinterpret_cast<const char*>(data_);
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::byte& operator[](std::size_t at) noexcept { return data_[at]; }
    [[nodiscard]] std::byte operator[](std::size_t at) const noexcept { return data_[at]; }
    [[nodiscard]] bytes_view view() const noexcept { return {data_, size_}; }
    template <class Text>
    [[nodiscard]] Text as() const {
        return view().as<Text>();
    }

    void clear() noexcept { size_ = 0; }
    //   Effects     room for `capacity` bytes without another allocation; contents stay
    void reserve(std::size_t capacity) {
        if (capacity > capacity_) reallocate(capacity);
    }
    //   Effects     grows with zero bytes or cuts
    void resize(std::size_t size) {
        if (size > size_) {
            make_room(size - size_);
            std::memset(data_ + size_, 0, size - size_);
        }
        size_ = size;
    }
    //   Effects     grows by so many bytes, which are whatever they are
    //   Returns     the first of them
    [[nodiscard]] std::byte* extend(std::size_t more) {
        make_room(more);
        return data_ + std::exchange(size_, size_ + more);
    }
    //   Requires    `more` does not point into *this
    void append(bytes_view more) {
        if (more.empty()) return;
        make_room(more.size());
        std::memcpy(data_ + size_, more.data(), more.size());
        size_ += more.size();
    }
    void append(std::size_t count, std::byte value) {
        make_room(count);
        if (count != 0) std::memset(data_ + size_, std::to_integer<int>(value), count);
        size_ += count;
    }
    void push_back(std::byte value) {
        make_room(1);
        data_[size_++] = value;
    }
    void push_back(char value) { push_back(static_cast<std::byte>(value)); }
    //   Requires    `other` does not point into *this
    void assign(bytes_view other) {
        clear();
        append(other);
    }

    [[nodiscard]] friend bool operator==(const bytes& a, const bytes& b) noexcept {
        return a.view() == b.view();
    }
    [[nodiscard]] friend std::strong_ordering operator<=>(const bytes& a, const bytes& b) noexcept {
        return a.view() <=> b.view();
    }

private:
    static constexpr std::size_t max_bytes = PTRDIFF_MAX;
    static constexpr std::size_t least_room = 32;  // of bytes that grow

    void make_room(std::size_t more) {
        check(more <= max_bytes - size_, "bytes: longer than an object may be");
        if (size_ + more > capacity_) {
            const std::size_t grown = capacity_ * 2 > least_room ? capacity_ * 2 : least_room;
            reallocate(grown > size_ + more ? grown : size_ + more);
        }
    }
    void reallocate(std::size_t capacity) {
        std::byte* const grown = new std::byte[capacity];
        if (size_ != 0) std::memcpy(grown, data_, size_);
        delete[] data_;
        data_ = grown;
        capacity_ = capacity;
    }

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace mantis

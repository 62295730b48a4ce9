// SPDX-License-Identifier: BSL-1.0
//
// Three ways to hold a page of a buffer pool.
//
//   optimistic_page   nothing is written and nothing held: what was read counts if validate() says
//                     so; the page may leave meanwhile
//   shared_page       pinned: it stays, and nobody changes it
//   exclusive_page    pinned, dirty, and nobody else reads it
//
// Bytes are read through an optimistic_page by load() and copy(), and changed through an
// exclusive_page by store(), write() and move(), for others may be reading optimistically: see
// optimistic_load.hpp. What holds a page reads it as ordinary memory.
//
// A thread that holds a page and asks the pool for the same one again waits for ever, unless both
// are shared and nobody waits for it. One that holds pages and asks for others does not wait for
// itself; threads that take several exclusively do so in one order.
//
// Threads: each like an int, and let go by the thread that took it.
#pragma once

#include "../sync/optimistic_load.hpp"
#include "detail/page_frame.hpp"

namespace mantis {

template <class Platform>
class optimistic_page {
    using frame = detail::page_frame<Platform>;

public:
    optimistic_page(frame& at, optimistic_version seen, page_id page, std::size_t size) noexcept
        : at_{&at}, seen_{seen}, page_{page}, size_{size} {}

    [[nodiscard]] page_id page() const noexcept { return page_; }
    [[nodiscard]] const std::byte* data() const noexcept { return at_->bytes; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    //   Requires    offset + sizeof(T) <= size(), offset a multiple of sizeof(T)
    template <optimistic_word T>
    [[nodiscard]] T load(std::size_t offset) const {
        check(offset <= size_ && sizeof(T) <= size_ - offset, "a load beyond the end of a page");
        return optimistic_load<Platform>(*reinterpret_cast<const T*>(at_->bytes + offset));
    }
    //   Requires    offset + count <= size()
    void copy(void* into, std::size_t offset, std::size_t count) const {
        check(offset <= size_ && count <= size_ - offset, "a copy beyond the end of a page");
        optimistic_copy<Platform>(into, at_->bytes + offset, count);
    }
    //   Returns     whether all that was read through it is of one state of this page
    [[nodiscard]] bool validate() const { return at_->latch.validate(seen_); }

private:
    template <class, class, class, class>
    friend class buffer_pool;

    frame* at_;
    optimistic_version seen_;
    page_id page_;
    std::size_t size_;
};

template <class Platform>
class [[nodiscard]] shared_page {
    using frame = detail::page_frame<Platform>;

public:
    shared_page() noexcept = default;  // holds nothing
    //   Requires    the latch of `at` is held in shared mode, for this guard to let go
    shared_page(frame& at, std::size_t size) noexcept : at_{&at}, size_{size} {}
    shared_page(shared_page&& other) noexcept
        : at_{std::exchange(other.at_, nullptr)}, size_{other.size_} {}
    shared_page& operator=(shared_page other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~shared_page() { release(); }

    void release() {
        if (at_ != nullptr) std::exchange(at_, nullptr)->latch.unlock_shared();
    }
    [[nodiscard]] explicit operator bool() const noexcept { return at_ != nullptr; }
    //   Requires    it holds a page; so the next three
    [[nodiscard]] page_id page() const {
        return {held().page.load(Platform::memory_order::relaxed)};
    }
    [[nodiscard]] const std::byte* data() const noexcept { return held().bytes; }
    [[nodiscard]] bytes_view view() const noexcept { return {held().bytes, size_}; }

private:
    [[nodiscard]] frame& held() const noexcept {
        check(at_ != nullptr, "a shared_page is used that holds nothing");
        return *at_;
    }

    frame* at_ = nullptr;
    std::size_t size_ = 0;
};

template <class Platform>
class [[nodiscard]] exclusive_page {
    using frame = detail::page_frame<Platform>;
    using epoch_word = typename Platform::template atomic<std::uint32_t>;

public:
    exclusive_page() noexcept = default;  // holds nothing
    //   Requires    the latch of `at` is held exclusively, for this guard to let go
    exclusive_page(frame& at, std::size_t size, const epoch_word& epoch) noexcept
        : at_{&at}, size_{size}, epoch_{&epoch} {}
    exclusive_page(exclusive_page&& other) noexcept
        : at_{std::exchange(other.at_, nullptr)}, size_{other.size_}, epoch_{other.epoch_} {}
    exclusive_page& operator=(exclusive_page other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        std::swap(epoch_, other.epoch_);
        return *this;
    }
    ~exclusive_page() { release(); }

    void release() {
        if (at_ == nullptr) return;
        check_epoch();
        std::exchange(at_, nullptr)->latch.unlock();
    }
    [[nodiscard]] explicit operator bool() const noexcept { return at_ != nullptr; }
    //   Requires    it holds a page; so all below
    [[nodiscard]] page_id page() const {
        return {held().page.load(Platform::memory_order::relaxed)};
    }
    // To be read as it is, and changed through optimistic_store and its like only.
    [[nodiscard]] std::byte* data() const noexcept { return held().bytes; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bytes_view view() const noexcept { return {held().bytes, size_}; }
    //   Requires    offset + sizeof(T) <= size(), offset a multiple of sizeof(T)
    template <optimistic_word T>
    void store(std::size_t offset, std::type_identity_t<T> value) {
        check_range(offset, sizeof(T));
        optimistic_store<Platform>(*reinterpret_cast<T*>(held().bytes + offset), value);
    }
    //   Requires    offset + count <= size()
    void write(std::size_t offset, const void* from, std::size_t count) {
        check_range(offset, count);
        optimistic_write<Platform>(held().bytes + offset, from, count);
    }
    //   Requires    to + count <= size(), from + count <= size()
    void move(std::size_t to, std::size_t from, std::size_t count) {
        check_range(to, count);
        check_range(from, count);
        optimistic_move<Platform>(held().bytes + to, held().bytes + from, count);
    }

private:
    template <class, class, class, class>
    friend class buffer_pool;

    [[nodiscard]] frame& held() const noexcept {
        check(at_ != nullptr, "an exclusive_page is used that holds nothing");
        return *at_;
    }
    void check_range(std::size_t offset, std::size_t count) const noexcept {
        check(offset <= size_ && count <= size_ - offset, "a change beyond the end of a page");
    }
    // What was changed in one epoch would be written as of another.
    void check_epoch() const {
        check(held().dirty() == epoch_->load(Platform::memory_order::relaxed),
              "an exclusive_page was held while an epoch began");
    }

    frame* at_ = nullptr;
    std::size_t size_ = 0;
    const epoch_word* epoch_ = nullptr;
};

}  // namespace mantis

// SPDX-License-Identifier: BSL-1.0
//
// A file of the simulated disk. See platform.hpp, concept block_file.
//
// Its calls fail once the power has failed, also after it is back: the file belongs to the boot in
// which it was opened.
#pragma once

#include "world.hpp"

#include "../detail/struck_io.hpp"

namespace mantis {

namespace detail {

// Counts as an opener of the contents until it is destroyed.
class simulated_opening {
public:
    simulated_opening(shared<simulated_contents> of, std::uint64_t boot) noexcept
        : of_{std::move(of)}, boot_{boot} {
        if (of_->opener_boot != boot) of_->opener_count = 0;
        of_->opener_boot = boot;
        ++of_->opener_count;
    }
    simulated_opening(simulated_opening&& other) noexcept = default;
    simulated_opening& operator=(simulated_opening&& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(boot_, other.boot_);
        return *this;
    }
    ~simulated_opening() {
        if (of_ && of_->opener_boot == boot_) --of_->opener_count;
    }
    [[nodiscard]] simulated_contents* operator->() const noexcept { return &*of_; }
    [[nodiscard]] const shared<simulated_contents>& contents() const noexcept { return of_; }

private:
    shared<simulated_contents> of_;
    std::uint64_t boot_;
};

}  // namespace detail

class simulated_mapping;

class simulated_file {
public:
    simulated_file(detail::shared<simulated_world> world,
                   detail::shared<simulated_contents> contents, bytes path, std::uint64_t boot,
                   bool writable) noexcept
        : world_{std::move(world)},
          contents_{std::move(contents), boot},
          path_{std::move(path)},
          boot_{boot},
          writable_{writable} {}

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        std::size_t got = 0;
        auto done =
            perform(io_kind::read, "reading a file", offset, count, [&](auto& io) -> result<void> {
                const auto read = io.read(offset, into, count);
                if (!read) return read.error();
                got = *read;
                return success();
            });
        if (!done) return std::move(done).error();
        return got;
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        return perform(io_kind::write, "writing a file", offset, from.size(),
                       [&](auto& io) { return io.write(offset, from); });
    }
    // One that takes nothing, unless simulation::map_files() says so.
    [[nodiscard]] simulated_mapping map(std::uint64_t size) const;
    // What was written before the sync began is durable when it returns.
    [[nodiscard]] result<void> sync() {
        return perform(io_kind::sync, "syncing a file", 0, 0, [](auto& io) { return io.sync(); });
    }
    [[nodiscard]] result<std::uint64_t> size() const {
        std::uint64_t size = 0;
        auto done =
            perform(io_kind::size, "asking for a file's size", 0, 0, [&](auto& io) -> result<void> {
                const auto asked = io.size();
                if (!asked) return asked.error();
                size = *asked;
                return success();
            });
        if (!done) return std::move(done).error();
        return size;
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        return perform(io_kind::resize, "resizing a file", size, 0,
                       [&](auto& io) { return io.resize(size); });
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        return perform(io_kind::preallocate, "preallocating a file", size, 0,
                       [&](auto& io) { return io.preallocate(size); });
    }

private:
    // The file without faults, in the middle of one I/O; see struck_io.
    class access {
    public:
        access(const simulated_file& of, const simulated_world::request& asked,
               std::uint64_t made) noexcept
            : world_{*of.world_},
              contents_{*of.contents_.operator->()},
              writable_{of.writable_},
              asked_{asked},
              made_{made} {}

        [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                               std::size_t count) const {
            return contents_.read(offset, into, count);
        }
        [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
            return change(offset + from.size(), [&] {
                if (!from.empty()) contents_.write(offset, from);
            });
        }
        [[nodiscard]] result<void> sync() {
            contents_.settle(made_);
            return success();
        }
        [[nodiscard]] result<std::uint64_t> size() const { return contents_.size(); }
        [[nodiscard]] result<void> resize(std::uint64_t size) {
            return change(size, [&] { contents_.resize(size); });
        }
        [[nodiscard]] result<void> preallocate(std::uint64_t size) {
            return change(size, [&] {
                if (size > contents_.size()) contents_.resize(size);
            });
        }
        [[nodiscard]] error refusal(error_code code) const {
            return simulated_world::refusal(asked_, code);
        }
        [[nodiscard]] result<void> pause() { return world_.go_on(asked_); }
        void former(std::uint64_t offset, std::byte* into, std::size_t count) const {
            contents_.read_former(offset, into, count);
        }
        void flip(std::uint64_t offset, unsigned bit) { contents_.flip(offset, bit); }
        void sync_in_part(seeded_random& dice) {
            const std::uint64_t settled = contents_.settled_count();
            if (made_ > settled) contents_.settle(settled + dice.next() % (made_ - settled));
        }
        void fail_to_sync(failed_sync how) { contents_.fail_to_settle(made_, how); }

    private:
        // A change after which the file is at least `size` long.
        template <class Change>
        [[nodiscard]] result<void> change(std::uint64_t size, Change make) {
            if (!writable_) return refusal(error_code::io);
            const std::uint64_t before = contents_.size();
            auto room = world_.reserve(asked_, size > before ? size - before : 0);
            if (room) make();
            return room;
        }

        simulated_world& world_;
        simulated_contents& contents_;
        bool writable_;
        const simulated_world::request& asked_;
        std::uint64_t made_;
    };

    // Runs use(io), a result<void>, as the effect of the I/O, where io is a struck_io.
    template <class Use>
    [[nodiscard]] result<void> perform(io_kind kind, const char* doing, std::uint64_t offset,
                                       std::uint64_t size, Use use) const {
        const simulated_world::request asked{kind, boot_, doing, path(), offset, size};
        access file{*this, asked, contents_->change_count()};
        return world_->perform(asked, [&](const fault_strike& strike) -> result<void> {
            detail::struck_io<access> io{file, strike, world_->sector_bytes()};
            return use(io);
        });
    }

    detail::shared<simulated_world> world_;
    detail::simulated_opening contents_;
    bytes path_;
    std::uint64_t boot_;
    bool writable_;
};

// Keeps the file's contents as another opener does. What it writes is torn, lost and refused as
// other writes are; that it is refused says no more than that another way is needed.
class simulated_mapping {
public:
    simulated_mapping(simulated_file file, std::uint64_t size) noexcept
        : file_{std::move(file)}, size_{size} {}

    [[nodiscard]] bool write(std::uint64_t offset, bytes_view from) {
        if (offset > size_ || from.size() > size_ - offset) return false;
        return file_.write(offset, from).has_value();
    }

private:
    simulated_file file_;
    std::uint64_t size_;
};

inline simulated_mapping simulated_file::map(std::uint64_t size) const {
    return {simulated_file{world_, contents_.contents(), bytes{path_.view()}, boot_, writable_},
            world_->maps_files() ? size : 0};
}

}  // namespace mantis

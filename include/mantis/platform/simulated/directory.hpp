// SPDX-License-Identifier: BSL-1.0
//
// A directory of the simulated disk. See platform.hpp, concept directory.
//
// Each boot of the world is a process: its locks end with it, and its number is the "pid" of a
// refused lock().
#pragma once

#include "file.hpp"

#include "../detail/names.hpp"
#include "../platform.hpp"

namespace mantis {

class simulated_directory {
public:
    //   Requires    called by class simulated
    simulated_directory(detail::shared<simulated_world> world,
                        detail::shared<simulated_folder> folder, bytes path) noexcept
        : world_{std::move(world)},
          folder_{std::move(folder)},
          path_{std::move(path)},
          boot_{world_->boot()},
          number_{world_->next_number()} {}
    simulated_directory(simulated_directory&& other) noexcept
        : world_{std::move(other.world_)},
          folder_{std::move(other.folder_)},
          path_{std::move(other.path_)},
          boot_{other.boot_},
          number_{std::exchange(other.number_, 0)} {}
    simulated_directory& operator=(simulated_directory&& other) noexcept {
        simulated_directory taken{std::move(other)};
        std::swap(world_, taken.world_);
        std::swap(folder_, taken.folder_);
        path_.swap(taken.path_);
        std::swap(boot_, taken.boot_);
        std::swap(number_, taken.number_);
        return *this;
    }
    ~simulated_directory() {
        if (number_ != 0 && folder_->lock_holder == number_) folder_->lock_holder = 0;
    }

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<void> lock() {
        return perform(
            io_kind::lock, "opening a directory that another opener holds", path(),
            [&](const simulated_world::request& asked) -> result<void> {
                if (folder_->lock_holder != 0)
                    return error{error_code::locked, asked.doing}.about(path()).with("pid", boot_);
                folder_->lock_holder = number_;
                return success();
            });
    }
    [[nodiscard]] result<simulated_file> open(bytes_view name, file_mode mode) {
        const bytes file_path = detail::joined_path(path(), name);
        detail::shared<simulated_contents> found;
        auto done = perform(io_kind::open, "opening a file", file_path,
                            [&](const simulated_world::request& asked) -> result<void> {
                                if (!detail::usable_file_name(name))
                                    return refused(asked, error_code::invalid_argument);
                                found = folder_->find(name);
                                if (found && mode == file_mode::create_new)
                                    return refused(asked, error_code::already_exists);
                                if (!found && (mode == file_mode::read || mode == file_mode::write))
                                    return refused(asked, error_code::not_found);
                                if (!found) found = folder_->create(name);
                                return success();
                            });
        if (!done) return std::move(done).error();
        return simulated_file{world_, std::move(found), file_path, boot_, mode != file_mode::read};
    }
    [[nodiscard]] result<bool> exists(bytes_view name) {
        bool found = false;
        auto done =
            perform(io_kind::exists, "looking for a file", detail::joined_path(path(), name),
                    [&](const simulated_world::request& asked) -> result<void> {
                        if (!detail::usable_file_name(name))
                            return refused(asked, error_code::invalid_argument);
                        found = static_cast<bool>(folder_->find(name));
                        return success();
                    });
        if (!done) return std::move(done).error();
        return found;
    }
    [[nodiscard]] result<std::vector<bytes>> list() {
        std::vector<bytes> names;
        auto done = perform(io_kind::list, "listing a directory", path(), [&](const auto&) {
            for (const auto& entry : folder_->entries()) names.push_back(entry.name);
            return success();
        });
        if (!done) return std::move(done).error();
        return names;
    }
    [[nodiscard]] result<void> remove(bytes_view name) {
        return perform(io_kind::remove, "removing a file", detail::joined_path(path(), name),
                       [&](const simulated_world::request& asked) -> result<void> {
                           if (!detail::usable_file_name(name))
                               return refused(asked, error_code::invalid_argument);
                           if (!folder_->find(name)) return refused(asked, error_code::not_found);
                           folder_->remove(name);
                           return success();
                       });
    }
    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        return perform(io_kind::rename, "renaming a file", detail::joined_path(path(), from),
                       [&](const simulated_world::request& asked) -> result<void> {
                           if (!detail::usable_file_name(from) || !detail::usable_file_name(to))
                               return refused(asked, error_code::invalid_argument);
                           if (!folder_->find(from)) return refused(asked, error_code::not_found);
                           folder_->rename(from, to);
                           return success();
                       });
    }
    // The names made, renamed and removed before the sync began are durable when it returns.
    [[nodiscard]] result<void> sync() {
        const std::uint64_t made = folder_->change_count();
        return perform(io_kind::sync_directory, "syncing a directory", path(), [&](const auto&) {
            folder_->settle(made);
            return success();
        });
    }
    [[nodiscard]] result<std::uint64_t> free_bytes() {
        std::uint64_t free = 0;
        auto done = perform(io_kind::free_bytes, "asking for free space", path(), [&](const auto&) {
            free = world_->free_bytes();
            return success();
        });
        if (!done) return std::move(done).error();
        return free;
    }

private:
    // Runs effect(request) as the effect of the I/O.
    template <class Effect>
    [[nodiscard]] result<void> perform(io_kind kind, const char* doing, bytes_view about,
                                       Effect effect) {
        const simulated_world::request asked{kind, boot_, doing, about, 0, 0};
        return world_->perform(asked, [&](const fault_strike& strike) -> result<void> {
            if (strike.is(fault_kind::fail_halfway) && seeded_random{strike.seed}.one_in(2) &&
                kind != io_kind::lock)
                (void)effect(asked);
            if (strike.fails()) return refused(asked, strike.code);
            if (strike.is(fault_kind::lying_sync)) return success();
            if (strike.is(fault_kind::foreign_file)) exchange(about, strike);
            return effect(asked);
        });
    }
    // Somebody else's file takes the place of the one at `file_path`, if there is one.
    void exchange(bytes_view file_path, const fault_strike& strike) {
        const auto found = folder_->find(file_path.from(path().size() + 1));
        if (found) found->replace(detail::foreign_contents(found->size(), strike.seed));
    }
    [[nodiscard]] static error refused(const simulated_world::request& asked, error_code code) {
        return simulated_world::refusal(asked, code);
    }

    detail::shared<simulated_world> world_;
    detail::shared<simulated_folder> folder_;
    bytes path_;
    std::uint64_t boot_;
    std::uint64_t number_;  // 0 when moved from
};

}  // namespace mantis

// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/disk.hpp>

#include <set>
#include <string>

using namespace mantis;

namespace {

std::string text_of(const simulated_contents& of) {
    std::string text(static_cast<std::size_t>(of.size()), '?');
    (void)of.read(0, reinterpret_cast<std::byte*>(text.data()), text.size());
    return text;
}
std::string text_of(const simulated_folder& in, const char* name) {
    const auto file = in.find(name);
    return file ? text_of(*file) : "none";
}
std::string names_of(const simulated_folder& in) {
    std::string names;
    for (const auto& entry : in.entries()) names += entry.name.as<std::string>() + " ";
    return names;
}

}  // namespace

TEST_CASE("a sync settles the changes made before it began, and no later ones") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "one");
    const std::uint64_t begun = file.change_count();
    file.write(3, "two");
    file.settle(begun);
    CHECK(text_of(file) == "onetwo");
    file.settle(begun);
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "one");
}

TEST_CASE("settling late does not undo what a later sync settled") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "old");
    const std::uint64_t early = file.change_count();
    file.write(0, "new");
    file.settle(file.change_count());
    file.settle(early);
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "new");
}

TEST_CASE("a failed sync keeps what it had to settle, forgets it, or takes it back") {
    seeded_random random{1};
    const auto after = [&random](failed_sync how) {
        simulated_contents file;
        file.write(0, "old");
        file.settle(file.change_count());
        file.write(0, "new");
        const std::uint64_t begun = file.change_count();
        file.write(3, " later");
        file.fail_to_settle(begun, how);
        const std::string seen = text_of(file);
        file.settle(file.change_count());
        file.crash(crash_mode::drop_unsynced, random);
        return seen + " | " + text_of(file);
    };
    CHECK(after(failed_sync::keeps) == "new later | new later");
    CHECK(after(failed_sync::forgets) == "new later | old later");
    CHECK(after(failed_sync::reverts) == "old later | old later");
}

TEST_CASE("a process that ends takes its lock with it and nothing else") {
    seeded_random random{1};
    simulated_folder folder;
    folder.create("file")->write(0, "unsynced");
    folder.lock_holder = 7;
    folder.crash(crash_mode::process_only, random);
    CHECK(folder.lock_holder == 0);
    CHECK(text_of(folder, "file") == "unsynced");
    folder.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(folder, "file") == "none");
}

TEST_CASE("cuts and extensions are lost like writes") {
    seeded_random random{1};
    simulated_contents file;
    file.write(0, "contents");
    file.settle(file.change_count());
    file.resize(3);
    file.resize(5);
    CHECK(text_of(file) == std::string("con\0\0", 5));
    file.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(file) == "contents");
}

TEST_CASE("an unsynced write is kept, lost or torn between sectors, and nothing else changes") {
    const std::string before(2'048, 'o');
    int whole = 0;
    int none = 0;
    int torn = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        seeded_random random{seed};
        simulated_contents file;
        file.write(0, before);
        file.settle(file.change_count());
        file.write(100, std::string(1'500, 'n'));
        file.crash(crash_mode::random_subset, random);
        const std::string after = text_of(file);
        REQUIRE(after.size() == before.size());
        std::set<std::string> pieces;
        for (const auto& [from, to] :
             {std::pair{100, 512}, {512, 1024}, {1024, 1536}, {1536, 1600}}) {
            const std::string piece =
                after.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
            CHECK(piece == std::string(piece.size(), piece[0]));
            pieces.insert(piece.substr(0, 1));
        }
        CHECK(after.substr(0, 100) == before.substr(0, 100));
        CHECK(after.substr(1'600) == before.substr(1'600));
        if (pieces.size() == 2) ++torn;
        else if (pieces.count("n") == 1) ++whole;
        else ++none;
    }
    CHECK(whole > 20);
    CHECK(none > 20);
    CHECK(torn > 20);
}

TEST_CASE("unsynced writes survive in any order, and a file may grow without its bytes") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        seeded_random random{seed};
        simulated_contents file;
        file.write(0, "a");
        file.write(1, "b");
        file.crash(crash_mode::random_subset, random);
        seen.insert(text_of(file));
    }
    for (const std::string& possible :
         {std::string{}, std::string{"a"}, std::string{"ab"}, std::string("\0b", 2),
          std::string("a\0", 2), std::string("\0\0", 2), std::string("\0", 1)}) {
        CAPTURE(possible.size());
        CHECK(seen.count(possible) == 1);
    }
    CHECK(seen.size() == 7);
}

TEST_CASE("names made, renamed and removed are lost unless the directory was synced") {
    seeded_random random{1};
    simulated_folder in;
    in.create("kept")->write(0, "1");
    in.create("renamed")->write(0, "2");
    in.create("removed")->write(0, "3");
    for (const auto& entry : in.entries()) entry.node->settle(entry.node->change_count());
    in.settle(in.change_count());
    in.create("new")->settle(0);
    in.rename("renamed", "other");
    in.remove("removed");
    CHECK(names_of(in) == "kept new other ");
    in.crash(crash_mode::drop_unsynced, random);
    CHECK(names_of(in) == "kept removed renamed ");
    CHECK(text_of(in, "renamed") == "2");
    CHECK(text_of(in, "removed") == "3");
}

TEST_CASE("a synced name with unsynced contents is an empty file") {
    seeded_random random{1};
    simulated_folder in;
    in.create("x")->write(0, "lost");
    in.settle(in.change_count());
    in.crash(crash_mode::drop_unsynced, random);
    CHECK(text_of(in, "x").empty());
}

TEST_CASE("a rename over a file leaves one of the two whole") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        seeded_random random{seed};
        simulated_folder in;
        for (const char* const name : {"x", "x.tmp"}) {
            const auto file = in.create(name);
            file->write(0, name);
            file->settle(file->change_count());
        }
        in.settle(in.change_count());
        in.rename("x.tmp", "x");
        in.crash(crash_mode::random_subset, random);
        seen.insert(names_of(in) + text_of(in, "x"));
    }
    CHECK(seen == std::set<std::string>{"x x.tmp x", "x x.tmp"});
}

TEST_CASE("a file never comes back under two names") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        seeded_random random{seed};
        simulated_folder in;
        in.create("a")->write(0, "a");
        in.settle(in.change_count());
        in.rename("a", "b");
        in.rename("b", "c");
        in.rename("c", "d");
        in.crash(crash_mode::random_subset, random);
        CHECK(in.entries().size() == 1);
    }
}

TEST_CASE("directories come with those above them, under any spelling") {
    simulated_disk disk;
    const auto made = disk.create("a/b/c");
    CHECK(disk.find("./a//b/c/") == made);
    CHECK(disk.find("a/b"));
    CHECK(disk.find("a"));
    CHECK_FALSE(disk.find("b"));
    CHECK_FALSE(disk.find("/a"));
    const auto top = disk.create("/");
    CHECK(disk.find("//") == top);
    made->create("x")->write(0, "12345");
    CHECK(disk.used_bytes() == 5);
}

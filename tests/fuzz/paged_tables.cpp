// SPDX-License-Identifier: BSL-1.0
// A small directory of tables in pages whose last groups and pages are any bytes, in frames that
// are right: whoever opens it must end, in memory in proportion to the pool, and tell what it
// cannot use as an error; and what it opened can be read, and gets a checkpoint that is opened
// again.
//
// The first byte says how it is opened and whether a table is dropped. The rest are changes, the
// first byte of each says which: other bytes of a page, a root, pages elsewhere with checksums that
// are right or not, any delta, any edit, and the end of a group.
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/paged_tables.hpp>

using namespace mantis;

namespace {

constexpr database_id ours{1, 2};
constexpr std::size_t page_bytes = 512;
constexpr const char* data_name = "data-00000001";
using tables_type = paged_tables<memory>;
using manifest_type = manifest<memory, xxh3>;

struct named_file {
    bytes name;
    bytes raw;
};
struct edit {
    manifest_edit_kind kind;
    bytes value;
};
using group = std::vector<edit>;

paged_tables_options small_options() {
    paged_tables_options options;
    options.database = ours;
    options.pool.page_bytes = page_bytes;
    options.pool.memory_bytes = 64 * KiB;
    options.pool.translation_bytes = 8 * KiB;
    options.pool.side_bytes = 4 * KiB;
    options.pool.wait_for_frame = {};
    options.segment_bytes = 64 * KiB;
    options.spare = false;
    return options;
}

// Two tables, one of them with leaves below its root.
std::vector<named_file> base() {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    {
        auto tables = tables_type::open(world, in, small_options()).value();
        for (std::uint64_t table = 1; table <= 2; ++table) {
            auto tree = tables->make_table({table}).value();
            for (std::uint64_t row = 0; row < (table == 1 ? 2 : 30); ++row) {
                bytes key = bytes::zeros(24);
                store_le(key.data(), row);
                tree.put(key, "a value of some bytes", lsn{row}).value();
            }
        }
        (void)tables
            ->checkpoint([](auto note) {
                note(lsn{5});
                return success();
            })
            .value();
    }
    std::vector<named_file> files;
    for (const bytes& name : in.list().value()) {
        auto file = in.open(name, file_mode::read).value();
        bytes raw = bytes::zeros(static_cast<std::size_t>(file.size().value()));
        (void)file.read(0, raw.data(), raw.size()).value();
        files.push_back({name, std::move(raw)});
    }
    return files;
}

// Changes as the input says them.
class changes {
public:
    changes(bytes_view input, bytes& data) : from_{input}, data_{&data} {}

    std::vector<group> read() {
        for (std::uint8_t what = 0; groups_.size() < 16 && from_.read_le(what);) {
            if (what % 6 == 0) patch();
            else if (what % 6 == 1) now_.push_back({manifest_edit_kind::root, root()});
            else if (what % 6 == 2) move_pages((what & 64) != 0, (what & 128) != 0);
            else if (what % 6 == 3) any_delta();
            else if (what % 6 == 4) any_edit();
            else end_group();
        }
        end_group();
        return std::move(groups_);
    }

private:
    template <class T>
    T number() {
        T read = 0;
        (void)from_.read_le(read);
        return read;
    }
    bytes some(std::size_t count) {
        bytes_view taken;
        const std::size_t left = from_.rest().size();
        (void)from_.read_bytes(count < left ? count : left, taken);
        return bytes{taken};
    }
    // With an entry for each byte of the input that is left.
    bytes root() {
        bytes raw = some(16);
        std::byte entries[8];
        store_le(entries, std::uint64_t{from_.rest().size()});
        raw.append({entries, sizeof entries});
        return raw;
    }
    void patch() {
        const std::size_t at = number<std::uint16_t>();
        if (at < data_->size()) data_->data()[at] = std::byte{number<std::uint8_t>()};
    }
    void move_pages(bool far, bool wrong) {
        page_delta delta{xxh3::format_id, ours, 2, {}};
        std::uint64_t page = 0;
        for (unsigned left = number<std::uint8_t>() % 8u; left != 0; --left) {
            page +=
                1 + (far ? std::uint64_t{number<std::uint32_t>()} : number<std::uint8_t>() % 16);
            const std::uint32_t blocks = number<std::uint8_t>() % 3u;
            const page_place at{1, 8 + number<std::uint8_t>() % 130u, blocks};
            page_change one{{page}, {}};
            if (blocks != 0) one.now = {at, wrong ? 1 : checksum_at({page}, at)};
            delta.changes.push_back(one);
        }
        now_.push_back({manifest_edit_kind::page_map, delta.encode()});
    }
    std::uint64_t checksum_at(page_id page, page_place at) const {
        if (at.end() > data_->size()) return 1;
        const auto offset = static_cast<std::size_t>(at.offset());
        return image_checksum<xxh3>(ours, page, data_->view().part(offset, at.size()));
    }
    void any_delta() {
        bytes raw = some(number<std::uint8_t>());
        if (raw.size() >= 48) {
            std::memcpy(raw.data(), "MANTISPM", 8);
            const std::size_t end = raw.size() - page_delta_checksum_bytes;
            store_le(raw.data() + end, crc32c::of(raw.view().first(end)));
        }
        now_.push_back({manifest_edit_kind::page_map, std::move(raw)});
    }
    void any_edit() {
        const auto kind = static_cast<manifest_edit_kind>(number<std::uint16_t>());
        now_.push_back({kind, some(number<std::uint8_t>())});
    }
    void end_group() { groups_.push_back(std::exchange(now_, {})); }

    byte_reader from_;
    bytes* data_;
    group now_;
    std::vector<group> groups_;
};

void append(memory& world, memory::directory& in, const std::vector<group>& groups) {
    const auto ignore = [](const manifest_edit&) { return success(); };
    auto opened = manifest_type::open(world, in, ours, 2, ignore).value();
    for (std::uint64_t at = 0; at < groups.size(); ++at) {
        const auto add = [&](auto& to) -> result<void> {
            for (const edit& each : groups[at])
                if (auto added = to.add(each.kind, each.value); !added) return added;
            return success();
        };
        opened.append(2 + at, {6 + at}, add).value();
    }
}

void read_all(tables_type& tables) {
    for (const table_id table : tables.tables()) {
        auto tree = tables.table(table);
        if (!tree) continue;
        int left = 1'000;
        (void)tree->scan({}, [&](bytes_view, bytes_view, lsn) { return --left != 0; });
        (void)tree->estimate({}, {});
        if (const auto seen = tree->shape())
            check(seen->height != 0 && seen->leaves != 0, "fuzz: a shape that is none");
    }
}
void expect_known(const error& why) {
    const error_code known[] = {error_code::corrupt, error_code::mismatch, error_code::not_found,
                                error_code::out_of_memory};
    for (const error_code each : known)
        if (why.code() == each) return;
    check(false, "fuzz: an error that is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<named_file> files = base();
    if (size < 1) return 0;
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    std::vector<group> groups;
    for (const named_file& each : files) {
        bytes raw = each.raw;
        if (each.name == bytes_view{data_name})
            groups = changes{{reinterpret_cast<const std::byte*>(data) + 1, size - 1}, raw}.read();
        in.open(each.name, file_mode::create).value().write(0, raw).value();
    }
    append(world, in, groups);
    paged_tables_options options = small_options();
    options.read_only = (data[0] & 1) != 0;
    options.at_least = 2 + groups.size();
    const bool drops = (data[0] & 2) != 0;
    auto opened = tables_type::open(world, in, options);
    if (!opened) {
        expect_known(opened.error());
        return 0;
    }
    auto& tables = **opened;
    read_all(tables);
    if (options.read_only) return 0;
    if (drops && !tables.tables().empty()) (void)tables.drop_table(tables.tables().front());
    if (auto made = tables.make_table({200})) (void)made->put("key", "value", lsn{1});
    for (int i = 0; i < 3; ++i) (void)tables.clean();
    (void)tables.rewrite();
    const auto done = tables.checkpoint([](auto note) {
        note(lsn{1'000});
        return success();
    });
    read_all(tables);
    // A table that lies may have had the pages of others dropped.
    if (!done || drops) return 0;
    *opened = {};
    options.at_least = done->made.sequence;
    auto again = tables_type::open(world, in, options);
    check(again.has_value(), "fuzz: a checkpoint that cannot be opened");
    check((*again)->last_checkpoint().position == lsn{1'000}, "fuzz: another checkpoint");
    return 0;
}

"""Where models' files lie: a folder, or whatever fsspec reaches."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fvg_platform.storage.model_store import ModelStore, ModelStoreError, artifact_name, card_name


@pytest.mark.parametrize("address", ["folder", "memory://models"])
def test_what_is_saved_is_loaded(tmp_path: Path, address: str) -> None:
    store = ModelStore(tmp_path / address if address == "folder" else address)
    name = store.save("1d-abc.json", b"{}")
    assert store.load(name) == b"{}"
    assert store.full_address(name).endswith(f"{address.rsplit('/')[-1]}/1d-abc.json")
    assert store.is_local == (address == "folder")
    store.save(name, b"[]")
    assert ModelStore(store.address).load(name) == b"[]"


def test_a_folder_holds_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ModelStore(tmp_path / "models")
    store.save("a.json", b"first")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save("a.json", b"second")
    assert store.load("a.json") == b"first"


def test_equal_content_is_not_written_again(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.save("a.json", b"content")
    before = (tmp_path / "a.json").stat()
    store.save("a.json", b"content")
    after = (tmp_path / "a.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        ModelStoreError, match=r"1d-abc\.json is not in the model store .*fvg models activate"
    ):
        ModelStore(tmp_path).load("1d-abc.json")


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelStoreError, match=r"a\.json cannot be written to .*file"):
        ModelStore(tmp_path / "file").save("a.json", b"")


@pytest.mark.parametrize(
    "address",
    [
        "s3://key:hidden-secret@bucket/models",
        "simplecache::s3://key:hidden-secret@bucket/models",
        "abfs://container@account.dfs.core.windows.net/models?sig=hidden-secret",
    ],
)
def test_secrets_do_not_belong_into_the_address(address: str) -> None:
    with pytest.raises(ModelStoreError, match="FVG_MODEL_STORE") as raised:
        ModelStore(address)
    assert "hidden-secret" not in str(raised.value)


def test_a_container_in_the_address_is_no_secret() -> None:
    assert (
        ModelStore("abfs://container@account.dfs.core.windows.net/models")
        .full_address("a")
        .endswith("/models/a")
    )


def test_many_may_save_one_file_at_once(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.save("a.json", f"{number % 2}".encode() * 999), range(200)))
    assert store.load("a.json") in (b"0" * 999, b"1" * 999)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert store.has("a.json") and not store.has("b.json")


def test_a_protocol_without_its_client_names_it() -> None:
    with pytest.raises(ModelStoreError, match="cannot be reached"):
        ModelStore("nosuchprotocol://bucket").save("a", b"")


def test_names_tell_timeframe_content_and_version() -> None:
    assert artifact_name("1d", "0123456789abcdef0123") == "1d-0123456789abcdef.json"
    assert card_name("1d", 3, "0123456789abcdef0123") == "1d-v3-0123456789abcdef.html"

"""An independent judge of finder and editor over real manifests.

It knows `find_images` and `set_images`, the index that another program wrote, and PyYAML; not how the product works.
The files aren't part of the project: PROMOBOT_TEST_DATA names the folder that holds `corpus` (with INDEX.jsonl: the
byte span of every image scalar) and `corpus-replay` (commits that people made, as before and after).
`pytest -rP` shows what was counted.
"""

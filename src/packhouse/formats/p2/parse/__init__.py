"""Spooled archives, bundles and features → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.p2.parse.bundles import read_bundle
from packhouse.formats.p2.parse.facts import Artifact, Facts, Read, Unit
from packhouse.formats.p2.parse.features import read_feature
from packhouse.formats.p2.parse.sites import read_site
from packhouse.formats.p2.parse.splitting import site_splitter

__all__ = ["Artifact", "Facts", "Read", "Unit", "read_bundle", "read_feature", "read_site", "site_splitter"]

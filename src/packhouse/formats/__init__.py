"""The formats this house knows: the one line that a new one adds."""

from packhouse.formats import (
    cargo,
    chef,
    cocoapods,
    composer,
    conan,
    conda,
    container,
    cran,
    debian,
    generic,
    go,
    maven,
    npm,
    nuget,
    opkg,
    p2,
    puppet,
    pypi,
    rpm,
    rubygems,
    sbt,
    vagrant,
)

FORMATS = (
    generic.FORMAT, pypi.FORMAT, npm.FORMAT, maven.FORMAT, container.FORMAT, nuget.FORMAT, conan.FORMAT, go.FORMAT, composer.FORMAT, cargo.FORMAT,
    debian.FORMAT, cran.FORMAT, conda.FORMAT, rubygems.FORMAT, rpm.FORMAT, vagrant.FORMAT, sbt.FORMAT, opkg.FORMAT, cocoapods.FORMAT, chef.FORMAT,
    puppet.FORMAT, p2.FORMAT,
)  # fmt: skip

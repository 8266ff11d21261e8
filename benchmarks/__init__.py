"""The figures that Botswain promises, measured: `./inv dev.bench`."""

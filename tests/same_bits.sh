#!/usr/bin/env bash
# Whether two builds of missvae give the same bits: for a change that should change no result.
#
#     tests/same_bits.sh OLD NEW TRAIN_MISSING50.csv
#
# OLD and NEW are the two programs. The table is the paper's MoG data with half of its cells missing. Each program trains
# the ten methods, a penguins model and an image model; then it imputes, scores, samples and measures. Every difference is
# printed, and the status is 1 if there was one.
set -euo pipefail
if [ $# != 3 ]; then
    sed -n '2,8s/^# \?//p' "$0"
    exit 2
fi
old=$(realpath "$1") new=$(realpath "$2") mog=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

head -n 65 "$mog" > some.csv
# 60 binary images of 8 × 8 pixels: a lit square at a place that depends on the row.
awk 'BEGIN { for (r = 0; r < 60; r++) for (i = 0; i < 64; i++) {
    x = i % 8 - r % 5; y = int(i / 8) - int(r / 5) % 5
    printf "%d%s", 255 * (x >= 0 && x < 3 && y >= 0 && y < 3), (i == 63 ? "\n" : ",")
} }' > images.csv

methods="mvae miss-vae miss-svae miwae miss-iwae miss-siwae miss-siwae-loose demiss-vae cvi-vae mvb-vae"

# outputs PROGRAM FOLDER: everything that is compared.
outputs() {
    local program=$1 method
    mkdir "$2"
    pushd "$2" > /dev/null
    for method in $methods; do
        "$program" train "$mog" --preset mog --method "$method" --epochs 3 --seed 3 --out "train-$method" --quiet
    done
    "$program" train --seed 3 --epochs 30 --hide 0.1 --out train-penguins --quiet
    "$program" train ../images.csv --image-size 8 --encoder-widths 8,16 --decoder-widths 16,8 --latent 4 --epochs 2 \
        --hide-quadrants 2 --seed 3 --out train-images --quiet
    "$program" impute train-miss-svae ../some.csv --out mean.csv --quiet
    "$program" impute train-miss-svae ../some.csv --statistic median --out median.csv --quiet
    "$program" impute train-miss-svae ../some.csv --draws 2 --out draw.csv --quiet
    for method in lair mwg; do
        "$program" impute train-miss-svae ../some.csv --sampler "$method" --out "$method.csv" --quiet
    done
    "$program" impute train-demiss-vae ../some.csv --out demiss.csv --quiet
    "$program" evaluate train-miss-svae ../some.csv --json > grid.score.json
    "$program" evaluate train-miss-svae ../some.csv --likelihood iwelbo --importance-samples 1000 --json > importance.score.json
    "$program" evaluate train-miss-svae ../some.csv --likelihood iwelbo --importance-samples 100 --refit-updates 5 --json > refit.score.json
    "$program" sample train-miss-svae --rows 50 --out sample.csv --quiet
    "$program" snr ../some.csv --preset mog --components 5 --epochs 2 --batch-size 16 --every 1 --seeds 1 --seed 3 --out snr --quiet
    popd > /dev/null
}
outputs "$old" old
outputs "$new" new

# tensors FILE: a model file without its header, whose length the first eight bytes hold.
tensors() {
    tail -c "+$((9 + $(od -An -tu8 -N8 "$1")))" "$1"
}

differ=0
compared=0
while read -r file; do
    compared=$((compared + 1))
    case $file in
        *.safetensors) cmp -s <(tensors "old/$file") <(tensors "new/$file") ;;
        # Times differ in any two runs.
        *.json) cmp -s <(sed 's/"[a-z_]*seconds[a-z_]*": *[0-9.e-]*//' "old/$file") \
                       <(sed 's/"[a-z_]*seconds[a-z_]*": *[0-9.e-]*//' "new/$file") ;;
        *) cmp -s "old/$file" "new/$file" ;;
    esac || { echo "differs: $file"; differ=1; }
done < <(cd old && find . -name '*.csv' -o -name model.safetensors -o -name '*.score.json' | sort)
echo "$compared files compared"
exit $differ

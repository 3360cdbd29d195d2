#!/bin/sh
# nvidia-smi of a simulated machine: the table, -L and --query-gpu in the real formats. The figures are a function of
# the time and the GPU's index and nothing else. @GPUS@ becomes one line a GPU: index|name|uuid|memory MiB|PCI address.
action=table fields='' format=csv only=''
while [ $# -gt 0 ]; do
    case $1 in
        -L|--list-gpus) action=list ;;
        -i|--id) only=${2-}; [ $# -gt 1 ] && shift ;;
        --id=*) only=${1#*=} ;;
        --query-gpu=*) action=query fields=${1#*=} ;;
        --format=*) format=${1#*=} ;;
        -h|--help) echo "NVIDIA System Management Interface (simulated): nvidia-smi [-L] [-i ID] [--query-gpu=FIELDS --format=csv[,noheader][,nounits]]"; exit 0 ;;
        *) echo "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help."; exit 1 ;;
    esac
    shift
done
now=${NVIDIA_SMI_NOW:-$(date +%s)}
awk -F'|' -v action="$action" -v fields="$fields" -v format="$format" -v only="$only" -v now="$now" \
    -v date="$(date '+%a %b %e %H:%M:%S %Y')" '
function wave(i,   step) { step = (now * 3 + i * 37) % 200; return step > 100 ? 200 - step : step }
function cap(name) { return name ~ /H100/ ? 700 : name ~ /A100/ ? 400 : 350 }
function value(f, i) {
    if (f == "index") return index_[i]
    if (f == "name" || f == "gpu_name") return name[i]
    if (f == "uuid" || f == "gpu_uuid") return uuid[i]
    if (f == "pci.bus_id" || f == "gpu_bus_id") return pci[i]
    if (f == "driver_version") return driver
    if (f == "count") return n
    if (f == "timestamp") return stamp
    if (f == "memory.total") return memory[i] unit("MiB")
    if (f == "memory.used") return used[i] unit("MiB")
    if (f == "memory.free") return memory[i] - used[i] unit("MiB")
    if (f == "utilization.gpu") return load[i] unit("%")
    if (f == "utilization.memory") return int(load[i] / 2) unit("%")
    if (f == "temperature.gpu") return heat[i]
    if (f == "power.draw") return sprintf("%.2f", power[i]) unit("W")
    if (f == "power.limit") return sprintf("%.2f", cap(name[i])) unit("W")
    return ""
}
function heading(f) {
    if (f ~ /^memory\./) return f " [MiB]"
    if (f ~ /^utilization\./) return f " [%]"
    if (f ~ /^power\./) return f " [W]"
    return f
}
function unit(u) { return nounits ? "" : " " u }
BEGIN { driver = "550.127.05"; stamp = date }
NF >= 5 && (only == "" || index("," only ",", "," $1 ",") || index("," only ",", "," $3 ",")) {
    i = n++
    index_[i] = $1; name[i] = $2; uuid[i] = $3; memory[i] = $4; pci[i] = $5
    load[i] = wave($1); used[i] = 4 + int($4 * load[i] / 125)
    heat[i] = 31 + int(load[i] * 0.4) + $1 % 3
    power[i] = cap($2) * (0.1 + 0.8 * load[i] / 100) + ($1 * 13 % 7) / 10
}
END {
    if (!n) { print "No devices were found"; exit 6 }
    if (action == "list") {
        for (i = 0; i < n; i++) printf "GPU %s: %s (UUID: %s)\n", index_[i], name[i], uuid[i]
        exit
    }
    if (action == "query") {
        if (("," format ",") !~ /,csv,/) { print "\"--format=csv\" is required with \"--query-gpu\"."; exit 2 }
        nounits = ("," format ",") ~ /,nounits,/; noheader = ("," format ",") ~ /,noheader,/
        m = split(fields, f, / *, */)
        for (k = 1; k <= m; k++) if (value(f[k], 0) == "") {
            printf "Field \"%s\" is not a valid field to query.\n", f[k]; exit 2
        }
        if (!noheader) for (k = 1; k <= m; k++) printf "%s%s", nounits || 1 ? heading(f[k]) : f[k], k < m ? ", " : "\n"
        for (i = 0; i < n; i++) for (k = 1; k <= m; k++) printf "%s%s", value(f[k], i), k < m ? ", " : "\n"
        exit
    }
    wide = "-----------------------------------------------------------------------------------------"
    line = "+-----------------------------------------+------------------------+----------------------+"
    print date
    print "+" wide "+"
    printf "| %-33s %-30s %-22s |\n", "NVIDIA-SMI " driver, "Driver Version: " driver, "CUDA Version: 12.4"
    print "|" substr(line, 2, length(line) - 2) "+"
    print "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |"
    print "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |"
    print "|                                         |                        |               MIG M. |"
    print "|=========================================+========================+======================|"
    for (i = 0; i < n; i++) {
        printf "| %3s  %-28.28s   On  |   %-16.16s Off | %20s |\n", index_[i], name[i], pci[i], "0"
        printf "| N/A  %3dC    P0           %4dW / %4dW | %7dMiB / %6dMiB | %6d%%      Default |\n", \
            heat[i], power[i], cap(name[i]), used[i], memory[i], load[i]
        printf "| %39s | %22s | %20s |\n", "", "", name[i] ~ /[AH]100/ ? "Disabled" : "N/A"
        print line
    }
    print ""
    print "+" wide "+"
    printf "| %-87s |\n", "Processes:"
    printf "| %-87s |\n", " GPU   GI   CI        PID   Type   Process name                              GPU Memory"
    printf "| %-87s |\n", "       ID   ID                                                               Usage"
    gsub(/-/, "=", wide); print "|" wide "|"
    printf "| %-87s |\n", " No running processes found"
    gsub(/=/, "-", wide); print "+" wide "+"
}' <<'BERTH_GPUS'
@GPUS@
BERTH_GPUS

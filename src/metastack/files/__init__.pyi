"""The public names and where each is defined; `__init__.py` loads them from this list."""

from .atomic import (
    replacing as replacing,
)
from .complex_arrays import (
    decode_complex as decode_complex,
    encode_complex as encode_complex,
)
from .design_file import (
    read_design as read_design,
    read_provenance as read_provenance,
    write_design as write_design,
)
from .direction_design_file import (
    read_direction_design as read_direction_design,
    read_direction_provenance as read_direction_provenance,
    write_direction_design as write_direction_design,
)
from .dispersion_table import (
    read_dispersion as read_dispersion,
)
from .energies_file import (
    StoredEnergyPilots as StoredEnergyPilots,
    read_energy_pilots as read_energy_pilots,
    write_energy_pilots as write_energy_pilots,
)
from .fpga import (
    export_codes as export_codes,
    export_input_codes as export_input_codes,
    read_codes as read_codes,
    read_input_codes as read_input_codes,
)
from .kinds import (
    FileKind as FileKind,
    identify as identify,
)
from .measured_pilots import (
    ImportedPilots as ImportedPilots,
    import_pilots as import_pilots,
    pilots_from as pilots_from,
    read_measurement as read_measurement,
)
from .network_file import (
    read_network as read_network,
    read_network_sweep as read_network_sweep,
    write_network as write_network,
)
from .network_pilots_file import (
    StoredNetworkPilots as StoredNetworkPilots,
    read_network_pilots as read_network_pilots,
)
from .network_sweep import (
    NetworkSweep as NetworkSweep,
)
from .pilots_file import (
    StoredPilots as StoredPilots,
    StoredPlan as StoredPlan,
    check_frequency as check_frequency,
    read_pilot_record as read_pilot_record,
    read_pilots as read_pilots,
    read_plan as read_plan,
    write_pilots as write_pilots,
    write_plan as write_plan,
)
from .prepared_file import (
    StoredPreparation as StoredPreparation,
    read_prepared as read_prepared,
    write_prepared as write_prepared,
)
from .probed_file import (
    StoredProbedPilots as StoredProbedPilots,
    read_probed_pilots as read_probed_pilots,
    write_probed_pilots as write_probed_pilots,
)
from .provenance import (
    Provenance as Provenance,
)
from .recording import (
    Recording as Recording,
    check_recording as check_recording,
)
from .response_file import (
    read_response as read_response,
)
from .snapshot_file import (
    read_recording as read_recording,
    write_recording as write_recording,
)
from .stack_file import (
    StackDescription as StackDescription,
    description_text as description_text,
    parse_description as parse_description,
    parse_stack as parse_stack,
    read_changed_stack as read_changed_stack,
    read_stack as read_stack,
    stack_text as stack_text,
    write_stack as write_stack,
)
from .time_convention import (
    TimeConvention as TimeConvention,
)
from .wideband_file import (
    StoredWidebandPilots as StoredWidebandPilots,
    read_wideband_pilots as read_wideband_pilots,
    write_wideband_pilots as write_wideband_pilots,
)

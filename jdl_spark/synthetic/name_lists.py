"""Short lists of forenames and surnames by community, most common first.

Why our own: names must be skewed as names are (a few very common, a long tail, other names in
other decades and communities), and no register may be copied. The lists are common knowledge;
their order is rough. `names.py` gives them weights and composes the rare tail.
"""

from __future__ import annotations

ENGLISH_MEN: dict[int, str] = {
    1930: "John William George James Ronald Robert Kenneth Frederick Thomas Albert Eric Edward Arthur Charles "
    "Leslie Sidney Frank Harold Reginald Stanley Alfred Ernest Walter Joseph Dennis Norman Jack Raymond Cyril "
    "Herbert",
    1950: "David John Peter Michael Alan Robert Stephen Paul Brian Graham Philip Anthony Colin Christopher Geoffrey "
    "William James Keith Terence Barry Malcolm Richard Ian Derek Roger Raymond Trevor Nigel Clive Stuart Roy "
    "Barrie",
    1960: "Paul David Andrew Stephen Mark Michael Ian Gary Robert Richard Peter John Anthony Christopher Darren "
    "Kevin Martin Simon Philip Graham Colin Adrian Nigel Alan Neil Shaun Timothy Wayne Nicholas Carl Tony "
    "Dean Stuart Trevor",
    1970: "Paul Mark David Andrew Richard Christopher James Simon Michael Matthew Stephen Lee John Robert Darren "
    "Daniel Steven Jason Nicholas Jonathan Ian Neil Peter Stuart Anthony Martin Kevin Craig Philip Gary Scott "
    "Wayne Dean Karl",
    1980: "Christopher James David Daniel Michael Matthew Andrew Richard Paul Mark Thomas Adam Robert John Lee "
    "Benjamin Steven Jonathan Craig Stephen Simon Nicholas Peter Anthony Alexander Gary Ian Ryan Darren Barry "
    "Liam Gareth Dean",
    1990: "Thomas James Jack Daniel Matthew Ryan Joshua Luke Samuel Jordan Adam Alexander Benjamin Joseph Liam Jake "
    "William Andrew Michael Lewis Christopher Connor Kieran Nathan Aaron Ashley Kyle Bradley Callum Robert "
    "Jamie Reece",
}
ENGLISH_WOMEN: dict[int, str] = {
    1930: "Margaret Jean Mary Joan Patricia Sheila Barbara Doreen June Shirley Dorothy Joyce Maureen Elizabeth "
    "Audrey Brenda Kathleen Sylvia Eileen Pamela Betty Beryl Ann Irene Hazel Marjorie Edna Vera Gladys Ethel",
    1950: "Susan Linda Christine Margaret Carol Jennifer Janet Patricia Barbara Ann Sandra Pamela Pauline Jean "
    "Jacqueline Kathleen Sheila Valerie Maureen Gillian Marilyn Elizabeth Lesley Catherine Brenda Wendy "
    "Angela Rosemary Shirley Diane Joan Jane Lynne Irene Janice Elaine Heather Marion",
    1960: "Susan Julie Karen Jacqueline Deborah Tracey Jane Helen Diane Sharon Tracy Angela Sarah Alison Caroline "
    "Amanda Sandra Linda Catherine Elizabeth Carol Joanne Wendy Janet Dawn Christine Nicola Lesley Maria "
    "Beverley Paula Lorraine",
    1970: "Sarah Claire Nicola Emma Lisa Joanne Michelle Helen Samantha Karen Amanda Rachel Louise Julie Clare "
    "Rebecca Sharon Victoria Caroline Susan Alison Catherine Elizabeth Deborah Donna Tracey Tracy Angela Jane "
    "Zoe Kerry Melanie",
    1980: "Sarah Laura Gemma Emma Rebecca Claire Victoria Samantha Rachel Amy Jennifer Nicola Katie Lisa Kelly "
    "Natalie Louise Michelle Hayley Hannah Helen Charlotte Joanne Lucy Elizabeth Leanne Danielle Donna "
    "Katherine Stephanie Stacey",
    1990: "Rebecca Lauren Jessica Charlotte Hannah Sophie Amy Emily Laura Emma Chloe Sarah Lucy Katie Bethany Jade "
    "Megan Danielle Alice Abigail Olivia Leah Kirsty Shannon Natasha Georgia Stephanie Kayleigh Natalie Zoe "
    "Paige Chantelle",
}
IRISH_MEN = (
    "Patrick John Michael James Sean Kevin Daniel Thomas Declan Brendan Liam Martin Joseph Eamon Gerard Dermot "
    "Noel Niall Conor Aidan Padraig Cormac Fergus Seamus Diarmuid Colm Ciaran Eoin"
)
IRISH_WOMEN = (
    "Mary Bridget Kathleen Margaret Ann Sinead Siobhan Aoife Deirdre Eileen Nora Maura Geraldine Niamh Orla "
    "Grainne Roisin Ciara Aisling Maeve Breda Noreen Fionnuala"
)
WELSH_MEN = "Gareth Rhys Dafydd Huw Emyr Ieuan Owain Aled Dylan Gethin Iwan Geraint Dewi Meirion Alun Glyn Gwilym Llyr"
WELSH_WOMEN = "Sian Rhian Carys Nia Angharad Bethan Cerys Megan Eleri Ffion Lowri Catrin Glenys Menna Delyth Gwen"
SCOTTISH_MEN = (
    "James John Alexander William Ian Alistair Angus Duncan Fraser Hamish Callum Gordon Malcolm Euan Craig Ross"
)
SCOTTISH_WOMEN = "Margaret Fiona Morag Isla Eilidh Kirsty Aileen Catriona Shona Heather Lorna Mhairi Iona Elspeth Rhona"
MUSLIM_MEN = (
    "Mohammed Muhammad Mohammad Ali Ahmed Imran Abdul Tariq Asif Usman Amir Shahid Nadeem Kamran Bilal Hamza "
    "Adnan Zahid Waqas Faisal Khalid Hassan Hussain Ibrahim Yusuf Omar Arif Naveed Rashid Sajid Wasim Zeeshan "
    "Junaid Irfan Shabir Mahmood Tahir Iqbal Saleem Javed Pervez Qasim Haroon Sohail"
)
MUSLIM_WOMEN = (
    "Fatima Aisha Nasreen Shazia Saima Rukhsana Samina Farzana Shabana Nazia Zainab Maryam Khadija Sadia Rubina "
    "Parveen Razia Tahira Yasmin Naheed Shaheen Bushra Amina Sana Halima Safia Nusrat Hafsa Ayesha Noreen"
)
SIKH_MEN = (
    "Gurpreet Harjit Jaspal Manjit Sukhdev Balbir Kulwinder Amarjit Baljit Gurdeep Ranjit Satnam Surjit Jagdeep "
    "Parminder"
)
SIKH_WOMEN = (
    "Harpreet Manpreet Jaswinder Kuldip Surinder Rajinder Baljinder Kamaljit Paramjit Sukhwinder Navdeep Simran"
)
HINDU_MEN = (
    "Sanjay Rajesh Vijay Anil Amit Ashok Dinesh Rakesh Nilesh Bhavesh Hitesh Kiran Mukesh Pradeep Suresh Jayesh Rohan"
)
HINDU_WOMEN = "Priya Anita Sunita Meena Hansa Jyoti Kavita Nisha Rekha Sangita Bhavna Hina Neha Pooja Asha Daksha Usha"
AFRICAN_MEN = (
    "Emmanuel Samuel Daniel David Michael Abdi Mohamed Oluwaseun Kwame Kofi Chukwuemeka Tunde Babatunde Emeka "
    "Ibrahim Ifeanyi Olumide Femi Segun Kwabena Yaw Kojo Tendai Tafadzwa Abdullahi Hassan Ahmed Chidi Obinna "
    "Adebayo Ayodele Patrice Jean Mamadou Ousmane Tesfaye Yonas Dawit"
)
AFRICAN_WOMEN = (
    "Grace Blessing Mary Esther Fatima Amina Ngozi Chioma Folake Funmilayo Ama Akosua Abena Efua Hodan Sahra "
    "Halima Tsitsi Rutendo Yetunde Bukola Adaeze Ifeoma Joy Comfort Patience Mercy Beatrice Marie Aminata Mariam"
)
CARIBBEAN_MEN = (
    "Leroy Winston Delroy Trevor Devon Errol Clive Marlon Jermaine Tyrone Andre Leon Jerome Dwayne Marcus Curtis "
    "Anthony Michael Carlton Desmond Everton Kemar Omar Junior Nathaniel Darnell Shaquille Rohan Neville Fitzroy"
)
CARIBBEAN_WOMEN = (
    "Marcia Sonia Beverley Yvonne Sharon Claudette Chantelle Natasha Tanisha Shanice Latoya Simone Paulette Marva "
    "Charmaine Monique Keisha Dionne Nadine Angela Jacqueline Michelle Kerry-Ann Shanelle Althea"
)
EAST_EUROPEAN_MEN = (
    "Piotr Krzysztof Tomasz Marcin Pawel Andrzej Michal Lukasz Mariusz Dariusz Marek Adam Jakub Grzegorz Rafal "
    "Artur Vasile Ion Gheorghe Marian Florin Ionut Andrei Daniel Vladimir Sergejs Andrius Mindaugas Tomas Jonas "
    "Gintaras Viktor Ivan Dimitar Georgi Zoltan Laszlo Roman Jozef Radek"
)
EAST_EUROPEAN_WOMEN = (
    "Anna Katarzyna Agnieszka Malgorzata Magdalena Monika Joanna Ewa Aneta Beata Justyna Elena Maria Ioana "
    "Mihaela Cristina Svetlana Natalia Olga Rasa Jurgita Inga Daiva Viktorija Ivana Lucia Zuzana Eva Edit Ilona"
)
CHINESE_MEN = "Wei Jian Ming Jun Hao Xiang Yong Kwok Chi Wing Siu Tak Wai Ka Hung Van Minh Tuan Duc Hai Long Dung"
CHINESE_WOMEN = "Mei Li Xiu Ying Yan Hong Fang Wai Siu Kit Lai Lan Thi Huong Linh Ngoc Hoa Xia Jing Min Ling Ting"
ENGLISH_SURNAMES = (
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts "
    "Green Hall Wood Jackson Clarke Clark Turner Hill Harris Cooper Ward Moore Martin King Morris Harrison Baker "
    "Lee Allen Morgan Patterson Hughes Edwards Lewis Parker Bennett Young Cook Shaw James Richardson Carter "
    "Collins Bailey Phillips Bell Davis Cox Miller Marshall Adams Simpson Webb Richards Chapman Price Wilkinson "
    "Mitchell Foster Mason Knight Powell Rogers Hunt Gray Barker Mills Holmes Palmer Matthews Lloyd Fisher Barnes "
    "Stevens Butler Ellis Harvey Dixon Pearson Fletcher Howard Andrews Reynolds Russell Elliott Saunders Payne "
    "Ford Fox Cole Dawson West Day Pearce Brooks Gibson Bradley Walsh Watts Spencer Lawrence Wells Burton Hart "
    "Webster Rose Newman Francis Gardner Warren Perry Williamson Watkins Lane Berry Ball Barrett Hawkins Cross "
    "Sutton Willis Bird Nicholson Carr Reed Bates Hudson Hopkins Armstrong Oliver Long Porter Freeman Jenkins "
    "Griffiths Goodwin Atkinson Hicks Booth Austin Peters May Wade Fuller Rowe Hewitt Nash Bishop Page Bryant "
    "Parsons Tucker Stone Dean Burgess Gilbert Lowe Garner Hayes Thorpe Preston Lambert Bowen Yates Cooke Marsh "
    "Frost Coleman Sharp Potter Barton Carpenter Chambers Barlow Slater Dyer Sanders Savage Townsend Holland "
    "Norman Rhodes Crawford Kirk Hancock Birch Moss Field Gregory Poole Norris Bond Tyler Cartwright Schofield "
    "Greenwood Hargreaves Haigh Sykes Ackroyd Holroyd Lomax Entwistle Fairclough Rigby Trevithick Penrose Pascoe "
    "Chubb Bolt Snell Gale Lucas Drake Pike Finch Swift Crane Heron Wren Nightingale Peacock"
)
IRISH_SURNAMES = (
    "Murphy Kelly O'Brien Ryan O'Connor Walsh Byrne O'Sullivan Doyle McCarthy Gallagher Doherty Kennedy Lynch "
    "Murray Quinn Moore McLaughlin Carroll Connolly Daly Connell Dunne Brennan Burke Collins Campbell Clarke "
    "Hughes Farrell Fitzgerald Brown Martin Maguire Nolan Flynn Thompson Callaghan O'Donnell Duffy O'Neill Ward "
    "McDonagh Cash Connors"
)
WELSH_SURNAMES = (
    "Jones Davies Williams Evans Thomas Roberts Lewis Hughes Morgan Griffiths Edwards Owen Rees Jenkins Price "
    "Morris Lloyd Powell Parry Pritchard Bevan Howells Llewellyn Probert Vaughan Gwynne"
)
SCOTTISH_SURNAMES = (
    "Smith Brown Wilson Campbell Stewart Robertson Thomson Anderson MacDonald Scott Reid Murray Taylor Clark Ross "
    "Watson Morrison Paterson Young Mitchell Walker Fraser Miller McDonald Gray Henderson Hamilton Johnston "
    "Duncan Graham Ferguson Kerr Davidson Bell Cameron Martin Hunter Kelly McKenzie MacLeod Mackay Grant McLean "
    "Sinclair Buchanan"
)
MUSLIM_SURNAMES = (
    "Khan Ahmed Ali Hussain Begum Miah Iqbal Akhtar Mahmood Bibi Malik Shah Uddin Rahman Islam Hussein Mohammed "
    "Choudhury Mirza Butt Sheikh Chaudhry Ashraf Aslam Rashid Anwar Hanif Aziz Raza Qureshi Siddiqui Zaman Alam "
    "Bashir Karim Kausar Yousaf Rafiq Saleem Sharif Nawaz Sadiq Farooq Munir Javed"
)
SIKH_SURNAMES = (
    "Singh Singh Kaur Gill Sandhu Dhillon Sidhu Grewal Bains Johal Atwal Mann Dhaliwal Cheema Rai Sahota Virk Purewal"
)
HINDU_SURNAMES = (
    "Patel Patel Shah Sharma Mistry Desai Joshi Mehta Parmar Solanki Chauhan Gupta Kumar Modi Amin Lad Bhatt Naik Rana"
)
AFRICAN_SURNAMES = (
    "Mohamed Ahmed Ali Okafor Mensah Owusu Osei Boateng Appiah Asante Adeyemi Okeke Ibrahim Hassan Abdi Moyo "
    "Ncube Sibanda Nwosu Eze Balogun Adebayo Addo Amoah Agyemang Diallo Kamara Sesay Conteh Bangura Mutasa Dube "
    "Warsame Farah Osman Tekle Haile Mbeki Nkosi Kabongo Ilunga Traore Toure"
)
EAST_EUROPEAN_SURNAMES = (
    "Nowak Kowalski Wisniewski Wojcik Kowalczyk Kaminski Lewandowski Zielinski Szymanski Wozniak Dabrowski "
    "Kozlowski Popa Popescu Ionescu Stan Dumitru Stoica Gheorghe Ivanov Petrov Dimitrov Georgiev Kazlauskas "
    "Petrauskas Jankauskas Horvath Nagy Kovacs Novak Svoboda Balaz Berzins Kalnins Ozols Rusu Munteanu Matei"
)
CHINESE_SURNAMES = (
    "Chen Wong Li Wang Zhang Liu Lin Chan Lee Huang Cheung Lau Leung Yang Wu Zheng Ng Tang Cheng Ho Lam Yu Tran "
    "Nguyen Nguyen Pham Le Vu"
)
NICKNAMES = (
    "William:Bill,Will,Billy James:Jim,Jimmy,Jamie Robert:Bob,Rob,Robbie,Bobby Michael:Mike,Mick,Micky "
    "John:Johnny,Jack Thomas:Tom,Tommy Richard:Rick,Richie,Dick Christopher:Chris Daniel:Dan,Danny "
    "David:Dave,Davey Stephen:Steve Steven:Steve Andrew:Andy,Drew Anthony:Tony,Ant Matthew:Matt Joseph:Joe,Joey "
    "Edward:Ed,Eddie,Ted Charles:Charlie Kenneth:Ken,Kenny Ronald:Ron,Ronnie Terence:Terry Raymond:Ray "
    "Frederick:Fred,Freddie Samuel:Sam Benjamin:Ben Alexander:Alex,Sandy Nicholas:Nick,Nicky Jonathan:Jon,Jonny "
    "Joshua:Josh Gregory:Greg Patrick:Paddy,Pat Peter:Pete Philip:Phil Timothy:Tim Vincent:Vince Lewis:Lou "
    "Gerard:Gerry Albert:Bert,Bertie Harold:Harry Leslie:Les Elizabeth:Liz,Beth,Betty,Lizzie "
    "Margaret:Maggie,Peggy,Meg Katherine:Kate,Kathy Catherine:Cath,Cathy,Kate Susan:Sue,Susie "
    "Patricia:Pat,Trish,Patsy Jennifer:Jenny,Jen Rebecca:Becky,Becca Deborah:Debbie,Deb Victoria:Vicky "
    "Jacqueline:Jackie Christine:Chris,Tina Samantha:Sam Stephanie:Steph Danielle:Dani Jessica:Jess Amanda:Mandy "
    "Natasha:Tash Charlotte:Lottie Alexandra:Alex,Sandra Barbara:Babs Dorothy:Dot Kathleen:Kath Nicola:Nicky "
    "Abigail:Abi Mohammed:Mo,Mohd Muhammad:Mo,Mohd Mohammad:Mo Abdul:Abdi Mohamed:Mo Krzysztof:Kris Tomasz:Tomek "
    "Malgorzata:Gosia Katarzyna:Kasia Emmanuel:Manny Nathaniel:Nate Jermaine:Jay Bradley:Brad Gurpreet:Gary "
    "Harjit:Harry Sean:Shaun Oluwaseun:Seun Babatunde:Tunde Piotr:Peter Andrzej:Andrew Bridget:Bridie"
)
